import { type Clock, sleep } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type { CoapSession } from "./coap-link.ts";

export interface CoapPresenceOptions {
	/** Who observes: the EID, 32 digits. */
	readonly eid: string;
	/** The eIM has something for the device. */
	readonly onHint: () => void;
	/** Longest silence in the session; a ping after that. */
	readonly keepalive: Duration;
	readonly log: Logger;
}

/** Pauses after sessions that did not come about, doubled each time. */
const RETRY_AFTER = Seconds(5);
const RETRY_AT_MOST = Minutes(15);

/**
 * Stays reachable until the signal: keeps a session with the eIM and observes whether something waits there (RFC 7641).
 * @param session the session of the link, opened when there is none
 * @param drop takes it away when it is lost
 */
export async function stayPresent(
	{ eid, onHint, keepalive, log }: CoapPresenceOptions,
	link: {
		readonly clock: Clock;
		readonly path: readonly string[];
		readonly session: (signal: AbortSignal) => Promise<CoapSession>;
		readonly drop: (session: CoapSession) => void;
	},
	signal: AbortSignal,
): Promise<void> {
	const { clock } = link;
	let failures = 0;
	while (!signal.aborted) {
		let session: CoapSession | undefined;
		try {
			session = await link.session(signal);
			const held = AbortSignal.any([signal, session.ended]);
			const tell = ({ payload }: { payload: Uint8Array }) => {
				if (payload.length > 0) onHint();
			};
			const request = { method: "GET", path: link.path, query: [eid] } as const;
			const first = await session.observe(request, tell, { signal: held });
			if (first.code.startsWith("2.")) tell(first);
			else log.warn("the eIM gives no hints", { code: first.code });
			failures = 0;
			await keepAlive(session, keepalive, clock, held);
		} catch (error) {
			if (signal.aborted) return;
			log.debug("session lost", { error });
			if (session !== undefined) link.drop(session);
		}
		const pause = Math.min(RETRY_AFTER * 2 ** failures++, RETRY_AT_MOST);
		await sleep(clock, Milliseconds(pause), signal).catch(() => undefined);
	}
}

/** Until the signal, or until a ping is not answered. @throws */
async function keepAlive(session: CoapSession, keepalive: Duration, clock: Clock, signal: AbortSignal): Promise<void> {
	for (;;) {
		const silentFor = clock.now() - session.lastHeard;
		if (silentFor >= keepalive) await session.ping();
		await sleep(clock, Milliseconds(Math.max(keepalive - Math.min(silentFor, keepalive), 1000)), signal);
	}
}
