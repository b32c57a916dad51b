/** What a manifest holds where a generated type has enumerations, dates, and numbers or strings in a class. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean
    ? T
    : T extends Date
      ? string
      : T extends { readonly value: number | string }
        ? number | string
        : T extends readonly (infer One)[]
          ? Plain<One>[]
          : T extends object
            ? { [Key in keyof T]: Plain<T[Key]> }
            : T;
