/** What the API shows of a device's sleep, and what it takes. */

import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { type AwakeRule, expectationOf, psmTimer, rhythmOf, waitingText } from "../domain/awake.ts";
import type { Device } from "../domain/device.ts";
import type { Operation } from "../domain/operation.ts";
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

/**
 * The operations, those that are queued with the reason why: their devices sleep. Nothing is added where nothing is known
 * of a device's sleep.
 */
export async function withWaitingReasons(
	{ store, clock }: Pick<ApiDeps, "store" | "clock">,
	operations: readonly Operation[],
): Promise<Operation[]> {
	const waits = ({ state, reason }: Operation) => state === "queued" && reason === undefined;
	const eids = [...new Set(operations.filter(waits).map(({ eid }) => eid))];
	const texts = new Map(
		await Promise.all(
			eids.map(async (eid) => {
				const device = await store.loadDevice(eid);
				return [eid, device && waitingText(device, clock.now())] as const;
			}),
		),
	);
	return operations.map((operation) => {
		const text = waits(operation) ? texts.get(operation.eid) : undefined;
		return text === undefined ? operation : { ...operation, reason: { text } };
	});
}

/** The same for one operation, with the last wake-up of its device since it was ordered. */
export async function withWakeUp(deps: Pick<ApiDeps, "store" | "clock">, operation: Operation): Promise<Operation> {
	const [explained = operation] = await withWaitingReasons(deps, [operation]);
	if (operation.state !== "queued") return explained;
	const [last] = (await deps.store.listWakeUps(operation.eid, { limit: 1 })).items;
	if (last === undefined || last.createdAt < operation.createdAt) return explained;
	const { via, state, createdAt, error } = last;
	const why = error === undefined ? "" : `: ${error}`;
	const woken =
		state === "failed"
			? `waking by ${via} at ${time(createdAt)} failed${why}`
			: `woken by ${via} at ${time(createdAt)} (${state}${why})`;
	const text = `${explained.reason?.text ?? "waiting for device"}; ${woken}`;
	return { ...explained, reason: { ...explained.reason, text } };
}
