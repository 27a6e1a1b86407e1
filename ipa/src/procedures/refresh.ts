import { sleep } from "@iot-esim/shared/runtime/clock";
import { Seconds } from "@iot-esim/shared/util/duration";
import { ProcedureError } from "./errors.ts";
import { isCardFailure } from "./failure-kind.ts";
import type { ProcedureContext } from "./procedure-context.ts";

const ATTEMPT_PAUSE = Seconds(1);

/**
 * After a profile was enabled, disabled or rolled back: the card asks for a REFRESH, is reset, and every logical
 * channel is gone. Cards without a proactive command refuse ES10b until they are reset, so this is done either way.
 * @throws ProcedureError IPA_REFRESH_TIMEOUT
 */
export async function waitForRefresh(context: ProcedureContext): Promise<void> {
	const { clock, settings, signal } = context;
	const began = clock.now();
	context.emit({ type: "refresh-started" });
	await sleep(clock, settings.refreshDelay, signal);
	for (;;) {
		try {
			await context.channel.reopen();
			break;
		} catch (cause) {
			if (!isCardFailure(cause)) throw cause;
			context.log.debug("card not back yet", { reason: cause.message });
			if (clock.now() - began >= settings.refreshTimeout) {
				const limit = settings.refreshTimeout / 1000;
				throw new ProcedureError("IPA_REFRESH_TIMEOUT", `the card did not come back within ${limit} s`, { cause });
			}
		}
		await sleep(clock, ATTEMPT_PAUSE, signal);
	}
	context.emit({ type: "refresh-finished", ms: clock.now() - began });
}
