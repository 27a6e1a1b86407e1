/** Where and when an operator's radio reaches a device. Times of day and days of the week are UTC. */

/** One statement about coverage; of all that match, the last one holds. */
export interface CoverageRule {
	/** MCC and MNC, 5 or 6 digits, or "*". */
	readonly plmn: string;
	/** Name of a place, or "*". */
	readonly place: string;
	readonly covered: boolean;
	/** Minutes of the day [from, until); until may lie before from, over midnight. */
	readonly hours?: { readonly from: number; readonly until: number };
	/** 0 is Sunday; the day on which the hours begin. */
	readonly days?: readonly number[];
	/** Milliseconds since 1970, [from, until). */
	readonly from?: number;
	readonly until?: number;
}

export interface CoverageMap {
	/** What holds where no rule matches. */
	readonly isCoveredByDefault: boolean;
	readonly rules: readonly CoverageRule[];
}

const MINUTE = 60_000;
const DAY = 86_400_000;

/** True when the operator can be received at the place at that moment. */
export function isCovered(
	map: CoverageMap,
	at: { readonly plmn: string; readonly place: string; readonly time: number },
): boolean {
	let covered = map.isCoveredByDefault;
	for (const rule of map.rules) {
		if (rule.plmn !== "*" && rule.plmn !== at.plmn) continue;
		if (rule.place !== "*" && rule.place !== at.place) continue;
		if (holdsAt(rule, at.time)) covered = rule.covered;
	}
	return covered;
}

/** The next moment after `time` at which any rule begins or ends to hold; undefined when none ever does. */
export function nextCoverageChange(map: CoverageMap, time: number): number | undefined {
	let next: number | undefined;
	const midnight = Math.floor(time / DAY) * DAY;
	for (const rule of map.rules) {
		const moments = [rule.from, rule.until];
		if (rule.hours || rule.days) {
			const { from, until } = rule.hours ?? { from: 0, until: 24 * 60 };
			for (let day = -1; day <= 8; day++)
				moments.push(midnight + day * DAY + from * MINUTE, midnight + day * DAY + until * MINUTE);
		}
		for (const moment of moments) {
			if (moment !== undefined && moment > time && (next === undefined || moment < next)) next = moment;
		}
	}
	return next;
}

function holdsAt(rule: CoverageRule, time: number): boolean {
	if (rule.from !== undefined && time < rule.from) return false;
	if (rule.until !== undefined && time >= rule.until) return false;
	if (!rule.hours && !rule.days) return true;
	const { from, until } = rule.hours ?? { from: 0, until: 24 * 60 };
	const minute = Math.floor((time % DAY) / MINUTE);
	const weekday = new Date(time).getUTCDay();
	const isOn = (day: number) => rule.days === undefined || rule.days.includes(day);
	if (from < until) return minute >= from && minute < until && isOn(weekday);
	return (minute >= from && isOn(weekday)) || (minute < until && isOn((weekday + 6) % 7));
}
