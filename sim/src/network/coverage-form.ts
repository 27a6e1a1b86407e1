/** Coverage rules as they are written: in the configuration and at the control face. */

import type { CoverageRule } from "./coverage.ts";
import { NetworkError } from "./errors.ts";

/** `hours` "22:00-06:00" and `days` "mon,tue" are UTC; `from` and `until` are ISO 8601. */
export interface CoverageForm {
	readonly plmn?: string | undefined;
	readonly place?: string | undefined;
	readonly covered: boolean;
	readonly hours?: string | undefined;
	readonly days?: readonly string[] | undefined;
	readonly from?: string | undefined;
	readonly until?: string | undefined;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** @throws NetworkError NETWORK_REQUEST_INVALID */
export function coverageRule(form: CoverageForm): CoverageRule {
	const plmn = form.plmn ?? "*";
	if (plmn !== "*" && !/^\d{5,6}$/.test(plmn)) throw invalid(`plmn "${plmn}" is neither 5 or 6 digits nor *`);
	return {
		plmn,
		place: form.place ?? "*",
		covered: form.covered,
		...(form.hours === undefined ? {} : { hours: parseHours(form.hours) }),
		...(form.days === undefined || form.days.length === 0 ? {} : { days: form.days.map(parseDay) }),
		...(form.from === undefined ? {} : { from: parseMoment("from", form.from) }),
		...(form.until === undefined ? {} : { until: parseMoment("until", form.until) }),
	};
}

function parseHours(text: string): { from: number; until: number } {
	const match = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text);
	const [from, until] = match ? [minutes(match[1], match[2]), minutes(match[3], match[4])] : [];
	if (from === undefined || until === undefined || from === until) {
		throw invalid(`hours "${text}" are not of the form 22:00-06:00 (UTC)`);
	}
	return { from, until };
}

function minutes(hour: string | undefined, minute: string | undefined): number | undefined {
	const total = Number(hour) * 60 + Number(minute);
	return Number(minute) < 60 && total <= 24 * 60 ? total : undefined;
}

function parseDay(text: string): number {
	const day = DAYS.indexOf(text.trim().toLowerCase());
	if (day === -1) throw invalid(`day "${text}" is none of ${DAYS.join(", ")}`);
	return day;
}

function parseMoment(name: string, text: string): number {
	const moment = Date.parse(text);
	if (Number.isNaN(moment)) throw invalid(`${name} "${text}" is not a time as 2026-11-22T08:00:00Z`);
	return moment;
}

function invalid(message: string): NetworkError {
	return new NetworkError("NETWORK_REQUEST_INVALID", message);
}
