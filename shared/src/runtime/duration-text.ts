import { Days, type Duration, Hours, Milliseconds, Minutes, Seconds } from "../util/duration.ts";

const UNITS: readonly (readonly [name: string, make: (value: number) => Duration])[] = [
	["d", Days],
	["h", Hours],
	["min", Minutes],
	["s", Seconds],
	["ms", Milliseconds],
];

/** A duration written as one number with its unit: "500ms", "15s", "1.5h", "5min", "7d". Undefined when it is not one. */
export function parseDuration(text: string): Duration | undefined {
	const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(text.trim());
	if (match === null) return undefined;
	const unit = match[2] === "m" ? "min" : match[2];
	const make = UNITS.find(([name]) => name === unit)?.[1];
	return make && Milliseconds(Math.round(make(Number(match[1]))));
}

/** The shortest text that `parseDuration` reads back as the same duration. */
export function printDuration(duration: Duration): string {
	for (const [name, make] of UNITS) {
		if (duration !== 0 && duration % make(1) === 0) return `${duration / make(1)}${name}`;
	}
	return `${duration}ms`;
}
