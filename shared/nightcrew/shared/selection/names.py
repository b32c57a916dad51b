"""Names that a selection may use: descriptors and tags (commands, 2.2; instruments, 3 and 6-10)."""

from __future__ import annotations

_DESCRIPTORS = """
airmass amp_read_area ao_seeing array_name array_section azimuth binning calibration_key camera cass_rotator_pa
central_wavelength coadds data_label data_section dec decker detector_name detector_roi_setting
detector_rois_requested detector_section detector_x_bin detector_x_offset detector_y_bin detector_y_offset disperser
dispersion dispersion_axis effective_wavelength elevation exposure_time filter_name focal_plane_mask gain
gain_setting gcal_lamp group_id instrument is_ao is_coadds_summed is_in_adu local_time lyot_stop mdf_row_id
nominal_atmospheric_extinction nominal_photometric_zeropoint non_linear_level object observation_class
observation_epoch observation_id observation_type overscan_section pixel_scale position_angle program_id pupil_mask
qa_state ra raw_bg raw_cc raw_iq raw_wv read_mode read_noise read_speed_setting requested_bg requested_cc
requested_iq requested_wv saturation_level slit slit_width target_dec target_ra telescope telescope_x_offset
telescope_y_offset ut_date ut_datetime ut_time wavefront_sensor wavelength_band wcs_dec wcs_ra well_depth_setting
"""

DESCRIPTORS = frozenset(_DESCRIPTORS.split())
"""Every public descriptor; none takes an argument here."""

TAGS = "tags"
"""The name that stands for the tag set of a frame."""

PRETTY = frozenset({"filter_name", "detector_name", "disperser"})
"""Descriptors compared by the name without component ids, unless strict."""

TOLERANCES = {"exposure_time": 0.01, "central_wavelength": 1e-5}
"""Relative tolerance of `==`, unless strict."""

_KNOWN_TAGS = """
ACQUISITION ARC AT_ZENITH AZEL_TARGET BIAS BPM CAL DARK DOMEFLAT EXTRACTED F2 FLAT FRINGE GCALFLAT GCAL_IR_OFF
GCAL_IR_ON GEMINI GMOS GNIRS GSAOI IFU IMAGE LAMPOFF LAMPON LS MASK MOS NIRI NODANDSHUFFLE NODCHOP NON_SIDEREAL NORTH
ONESLIT_BLUE ONESLIT_RED OVERSCAN_SUBTRACTED OVERSCAN_TRIMMED PINHOLE POL PREPARED PROCESSED PROCESSED_SCIENCE RAW
RONCHI SIDEREAL SLITILLUM SOUTH SPECT STANDARD TELLURIC THRUSLIT TWILIGHT TWOSLIT UNPREPARED XD
"""

KNOWN_TAGS = frozenset(_KNOWN_TAGS.split())
"""Tags that some instrument gives."""
