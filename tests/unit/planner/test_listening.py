"""What messages are about is kept for the planner, and grows with nights and jobs, not with messages."""

from __future__ import annotations

import threading
from datetime import date
from uuid import uuid4

import pytest

from nightcrew.planner.listening import Heard, Listener, News, heard
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.messages import CalibrationCertified, CalibrationVetoed, FrameArrived, JobClass, JobReady

NIGHT = date(2016, 1, 2)
AROUND = ((NIGHT, "NIRI"), (date(2016, 1, 1), "NIRI"), (date(2016, 1, 3), "NIRI"))


def arrived(number: int) -> FrameArrived:
    return FrameArrived(
        producer="ingest", frame_id=number, content_hash="ab" * 32, instrument="NIRI", kind="dark", night=NIGHT
    )


def test_a_frame_is_about_its_night_first_and_then_about_those_around_it():
    assert heard(Heard(), arrived(1)).nights == AROUND


def test_a_thousand_frames_of_a_night_are_one_piece_of_news():
    news = News()
    for number in range(1, 1001):
        news.hear(arrived(number))
    assert news.wait(0)
    assert news.take() == Heard(AROUND)
    assert not news.wait(0)
    assert news.take() == Heard()


@pytest.mark.parametrize("kind", [CalibrationCertified, CalibrationVetoed])
def test_a_calibration_is_news_that_later_ones_do_not_drown(kind):
    told = kind(producer="calmanager", calibration_id=1, caltype="bpm", instrument="NIRI", affected=0)
    after = heard(heard(Heard(), told), arrived(1))
    assert after == Heard(AROUND, calibrations=True)


def test_what_is_for_reducers_is_about_nothing():
    ready = JobReady(producer="planner", job_id=uuid4(), job_class=JobClass.SCIENCE)
    assert heard(Heard(), ready) == Heard()


def test_a_subscription_that_is_lost_is_told_and_taken_up_again():
    broker, stop, well = MemoryBroker(Topology.load()), threading.Event(), threading.Event()
    bus, news, troubles = MemoryBus(broker, stop=stop), News(), []
    listener = Listener(bus, news, troubles.append, well.set, stop, pause=0.01)
    worker = threading.Thread(target=listener.run)
    worker.start()
    try:
        assert well.wait(10)
        bus.cut()
        well.clear()
        assert well.wait(10)
        MemoryBus(broker, stop=stop).publish(arrived(1))
        assert news.wait(10)
    finally:
        stop.set()
        worker.join(10)
    assert troubles == ["connection lost"]
    assert news.take().nights == AROUND
