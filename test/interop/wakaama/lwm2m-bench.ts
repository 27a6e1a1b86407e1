import { Lwm2mFace } from "@iot-esim/eim/bindings/lwm2m/lwm2m-face";
import { type EsipaHandler, esipaContext } from "@iot-esim/eim/esipa/handler";
import { injectPackages } from "@iot-esim/eim/esipa/inject-packages";
import { waitingDevices } from "@iot-esim/eim/mqtt-parts";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { listenUdp } from "@iot-esim/shared/transport/coap/udp";
import { listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { Seconds } from "@iot-esim/shared/util/duration";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { wholeChain } from "../../support/whole-chain.ts";

export type Chain = Awaited<ReturnType<typeof wholeChain>>;

/**
 * The eIM of a chain as an LwM2M server on this machine: plain UDP, or DTLS with the keys given.
 * @param handle whoever answers in its place
 */
export async function lwm2mOf(
	chain: Chain,
	keys?: Readonly<Record<string, Uint8Array>>,
	handle: EsipaHandler["handle"] = (message, peer) => chain.eim.send(message, peer),
) {
	const { eim } = chain;
	const { logger, entries } = memoryLogger();
	const contacts: Eid[] = [];
	const place = { host: "127.0.0.1", port: 0, clock: systemClock };
	let port = 0;
	const face: Lwm2mFace = new Lwm2mFace({
		handler: { handle },
		clock: systemClock,
		random: systemRandom,
		log: logger("eim.lwm2m"),
		listen: async (onPath) => {
			const listening = await (keys === undefined
				? listenUdp(place, onPath)
				: listenDtls({ ...place, trust: { kind: "none" }, keyOf: (identity) => keys[identity] }, onPath));
			port = listening.port;
			return listening;
		},
		takesUnproven: keys === undefined,
		eidOf: async (endpoint) => (endpoint === chain.eid ? chain.eid : undefined),
		objectId: 32_032,
		maxRegistrations: 4,
		awakeFor: Seconds(93),
		injectTimeout: Seconds(20),
		blockExponent: 6,
		load: { active: 0, max: 4 },
		waiting: waitingDevices(eim.store, eim.clock),
		noteContact: async (eid) => void contacts.push(eid),
		isBrought: async () => (await eim.store.loadDevice(chain.eid))?.inject?.url === "lwm2m:",
		bring: async (eid) => {
			const device = await eim.store.loadDevice(eid);
			if (device === undefined) return;
			// As the eIM does: what stays open comes with the next contact.
			await injectPackages(esipaContext(eim.deps), face, device).catch((error) => {
				if (!(error instanceof EsimError)) throw error;
			});
		},
	});
	await face.listen();
	return { face, port, contacts, entries, close: () => face.close() };
}
