/** A part of the local day, in minutes from midnight; `until` is the first minute after it and may lie beyond midnight. */
export interface QuietWindow {
	readonly from: number;
	readonly until: number;
}

const MINUTE = 60_000;
const DAY_MINUTES = 24 * 60;

/** Reads "22:00-06:00"; undefined when it is no part of a day. */
export function parseQuietWindow(text: string): QuietWindow | undefined {
	const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
	if (match === null) return undefined;
	const [fromHour, fromMinute, untilHour, untilMinute] = match.slice(1).map(Number) as [number, number, number, number];
	const from = fromHour * 60 + fromMinute;
	const until = untilHour * 60 + untilMinute;
	return from === until ? undefined : { from, until: until > from ? until : until + DAY_MINUTES };
}

/**
 * The end of the quiet hours that `at` lies in, as local clocks show it; undefined outside of them. Windows that touch
 * count as one, but no quiet time is longer than a day.
 * @param at milliseconds since 1970
 * @param timeZone IANA name, as Europe/Berlin
 */
export function quietUntil(at: number, windows: readonly QuietWindow[], timeZone: string): number | undefined {
	// Reading a local clock takes longer than anything else here.
	if (windows.length === 0) return undefined;
	let end = at;
	while (end - at < DAY_MINUTES * MINUTE) {
		const window = windowAt(localMinutes(end, timeZone), windows);
		if (window === undefined) break;
		end = nextLocal(end, window.until % DAY_MINUTES, timeZone);
	}
	return end === at ? undefined : end;
}

function windowAt(minute: number, windows: readonly QuietWindow[]): QuietWindow | undefined {
	return windows.find(({ from, until }) =>
		[minute, minute + DAY_MINUTES].some((shifted) => shifted >= from && shifted < until),
	);
}

/** The next moment after `at` when local clocks show `minute`; clocks may be put forward or back until then. */
function nextLocal(at: number, minute: number, timeZone: string): number {
	const began = Math.floor(at / MINUTE) * MINUTE;
	const ahead = (minute - localMinutes(at, timeZone) + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
	const reached = began + ahead * MINUTE;
	const off = localMinutes(reached, timeZone) - minute;
	const shift = off > DAY_MINUTES / 2 ? off - DAY_MINUTES : off < -DAY_MINUTES / 2 ? off + DAY_MINUTES : off;
	return reached - shift * MINUTE;
}

function localMinutes(at: number, timeZone: string): number {
	const parts = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
		.formatToParts(at)
		.filter(({ type }) => type === "hour" || type === "minute");
	const [hour = 0, minute = 0] = parts.map(({ value }) => Number(value));
	return hour * 60 + minute;
}
