import { ProfileStateCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import { ExecuteFallbackMechanismResultCode } from "@iot-esim/shared/messages/sgp32/es10b-switch";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { sleep } from "@iot-esim/shared/runtime/clock";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { FallbackState } from "../state/device-state.ts";
import { isCardFailure } from "./failure-kind.ts";
import { type FallbackPolicy, fallbackStep } from "./policy/fallback-policy.ts";
import type { ProcedureContext } from "./procedure-context.ts";
import { waitForRefresh } from "./refresh.ts";

const ICCID_AND_STATE = hex`5A 9F70`;
const BUSY_ATTEMPTS = 5;
const BUSY_PAUSE = Seconds(2);
const { ok: OK, catBusy: CAT_BUSY } = ExecuteFallbackMechanismResultCode;

/** Which way the device goes between its own profile and the one with the fallback attribute. */
export type FallbackAction = "falling-back" | "returning";

/**
 * The policy's answer to this moment, carried out: ES10b.ExecuteFallbackMechanism or ES10b.ReturnFromFallback (SGP.32
 * §5.9.20, §5.9.21). Nothing is done while a rollback may still be needed, which is the nearer way back.
 * @param eimIds eIMs to be told of the change
 * @returns whether another profile is enabled now
 */
export async function followFallbackPolicy(
	context: ProcedureContext,
	policy: FallbackPolicy,
	eimIds: readonly string[],
): Promise<boolean> {
	const { work, fallback, unreachable, vainFallbacks } = context.journal.state;
	if (work.phase !== "idle" && (work.phase !== "package-executed" || work.rollback.state === "armed")) return false;
	const step = fallbackStep({ now: context.clock.now(), fallback, unreachable, vainFallbacks }, policy);
	if (step.type === "stay") return false;
	return (await switchFallback(context, step.type === "fall-back" ? "falling-back" : "returning", eimIds)) === OK;
}

/**
 * One way or the other, with what is done noted before and after, so that after a power cut the card's own profiles say
 * whether it took place.
 * @returns the code of the card
 */
export async function switchFallback(
	context: ProcedureContext,
	action: FallbackAction,
	eimIds: readonly string[],
): Promise<number> {
	const enabledBeforeHex = await enabledProfile(context);
	await context.journal.note({ type: "fallback-began", action, at: context.clock.now(), enabledBeforeHex });
	context.emit({ type: "fallback-started", action });
	context.log.warn(action === "falling-back" ? "ES10b.ExecuteFallbackMechanism" : "ES10b.ReturnFromFallback");
	const code = await commandUnlessBusy(context, action, enabledBeforeHex);
	await end(context, code === OK ? "done" : refusal(code), eimIds);
	context.emit({ type: "fallback-finished", action, result: code });
	if (code === OK) await waitForRefresh(context);
	return code;
}

/** After a power cut in the middle: the card tells which profile is enabled. */
export async function resumeFallback(context: ProcedureContext, eimIds: readonly string[]): Promise<void> {
	const { fallback } = context.journal.state;
	if (fallback.state === "home" || fallback.state === "fallen-back") return;
	const hasSwitched = (await enabledProfile(context)) !== fallback.enabledBeforeHex;
	context.log.info("unfinished fallback", { action: fallback.state, hasSwitched });
	await end(context, hasSwitched ? "done" : "not-executed", eimIds);
	context.emit({ type: "fallback-finished", action: fallback.state, result: hasSwitched ? OK : -1 });
	if (hasSwitched) await waitForRefresh(context);
}

async function end(
	context: ProcedureContext,
	outcome: "done" | "refused" | "busy" | "not-executed",
	eimIds: readonly string[],
): Promise<FallbackState> {
	const { fallback: cause } = StateChangeCauseCode;
	const at = context.clock.now();
	const tell = outcome === "done" ? eimIds : [];
	return (await context.journal.note({ type: "fallback-ended", outcome, at, cause, tell })).fallback;
}

/** A card that is busy may be asked again; any other refusal means that there is nothing to switch to. */
function refusal(code: number): "refused" | "busy" {
	return code === CAT_BUSY ? "busy" : "refused";
}

async function commandUnlessBusy(
	context: ProcedureContext,
	action: FallbackAction,
	enabledBeforeHex: string | undefined,
): Promise<number> {
	for (let attempt = 1; ; attempt++) {
		const code = await commandOnce(context, action, enabledBeforeHex);
		if (code !== CAT_BUSY || attempt === BUSY_ATTEMPTS) return code;
		await sleep(context.clock, BUSY_PAUSE, context.signal);
		await waitForRefresh(context);
	}
}

/** The link may break because the card resets at once: the enabled profile then shows what happened. */
async function commandOnce(
	context: ProcedureContext,
	action: FallbackAction,
	enabledBeforeHex: string | undefined,
): Promise<number> {
	const { commands } = context;
	try {
		return await (action === "falling-back"
			? commands.executeFallbackMechanism(true)
			: commands.returnFromFallback(true));
	} catch (error) {
		if (!isCardFailure(error)) throw error;
		context.log.warn("no answer to a switch", { reason: error.message });
		await waitForRefresh(context);
		const hasSwitched = (await enabledProfile(context)) !== enabledBeforeHex;
		return hasSwitched ? OK : ExecuteFallbackMechanismResultCode.undefinedError;
	}
}

async function enabledProfile(context: ProcedureContext): Promise<string | undefined> {
	const profiles = await context.es10.getProfilesInfo(ICCID_AND_STATE);
	const enabled = profiles.find((profile) => profile.profileState === ProfileStateCode.enabled);
	return enabled?.iccid && toHex(enabled.iccid);
}
