/** A length of time in milliseconds that cannot be mistaken for a bare number. */
export type Duration = number & { readonly __unit: "ms" };

export const Milliseconds = (value: number): Duration => value as Duration;
export const Seconds = (value: number): Duration => (value * 1_000) as Duration;
export const Minutes = (value: number): Duration => (value * 60_000) as Duration;
export const Hours = (value: number): Duration => (value * 3_600_000) as Duration;
export const Days = (value: number): Duration => (value * 86_400_000) as Duration;
