/** What the API shows of a device's sleep, and what it takes. */

import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { type AwakeRule, expectationOf, psmTimer, rhythmOf } from "../domain/awake.ts";
import type { Device } from "../domain/device.ts";
import type { WakeUp, WakeUpAddress } from "../domain/wake-up.ts";
import type { ApiDeps } from "./api-deps.ts";
import { ApiError } from "./errors.ts";
import type { AwakeRule as AwakeBody, WakeUpAddress as WakeUpBody } from "./wake-schemas.ts";

const time = (at: number) => new Date(at).toISOString();

export function sleepView(device: Device, now: number) {
	const { wakeUp, awake, wakings } = device;
	const rhythm = rhythmOf(wakings);
	const expected = expectationOf(device, now);
	return {
		...(wakeUp === undefined
			? {}
			: { wakeUp: wakeUp.via === "sms" ? { ...wakeUp, msisdn: `+${wakeUp.msisdn}` } : wakeUp }),
		...(awake === undefined ? {} : { awake: awakeView(awake) }),
		...(rhythm === undefined ? {} : { rhythm: { every: rhythm.every / 1000, jitter: rhythm.jitter / 1000 } }),
		...(expected === undefined
			? {}
			: { nextExpected: { ...expected, from: time(expected.from), until: time(expected.until) } }),
	};
}

function awakeView({ by, every, at, for: length }: AwakeRule) {
	return { by, every: every / 1000, for: length / 1000, ...(at === undefined ? {} : { at: time(at) }) };
}

export const wakeUpView = ({ eid: _eid, createdAt, updatedAt, ...wakeUp }: WakeUp) => ({
	...wakeUp,
	createdAt: time(createdAt),
	updatedAt: time(updatedAt),
});

/**
 * The address as it is kept.
 * @throws what `checkWakeUp` throws
 */
export function wakeUpAddressOf(body: WakeUpBody, check: ApiDeps["checkWakeUp"]): WakeUpAddress {
	const address = (body.via === "sms" ? { ...body, msisdn: body.msisdn.replace("+", "") } : body) as WakeUpAddress;
	check(address);
	return address;
}

/** @throws ApiError API_REQUEST_INVALID for timers that are switched off, or a device that never sleeps */
export function awakeRuleOf(body: AwakeBody): AwakeRule {
	const rule = ruleOf(body);
	if (rule.for < rule.every) return rule;
	throw invalid("awake", "a device that stays awake until it wakes again never sleeps");
}

function ruleOf(body: AwakeBody): AwakeRule {
	if ("psm" in body) {
		const { periodicTimer, activeTimer } = body.psm;
		const every = timerOf("periodicTimer", periodicTimer, "T3412");
		return { by: "psm", every, for: timerOf("activeTimer", activeTimer, "T3324") };
	}
	if ("edrx" in body) return { by: "edrx", every: Seconds(body.edrx.cycle), for: Seconds(body.edrx.window) };
	const at = body.at === undefined ? {} : { at: momentOf(body.at) };
	return { by: "schedule", every: Seconds(body.every), for: Seconds(body.for), ...at };
}

function momentOf(text: string): number {
	const moment = Date.parse(text);
	if (Number.isFinite(moment)) return moment;
	throw invalid("awake.at", `there is no moment ${text}`);
}

function timerOf(field: string, given: number | string, timer: "T3412" | "T3324") {
	if (typeof given === "number") return Seconds(given);
	const length = psmTimer(given, timer);
	if (length !== undefined && length > 0) return Milliseconds(length);
	throw invalid(`awake.psm.${field}`, `${given} is a ${timer} that is switched off or counts to nothing`);
}

function invalid(name: string, message: string): ApiError {
	const field = `body.${name}`;
	return new ApiError("API_REQUEST_INVALID", `${field}: ${message}`, [{ field, message }]);
}
