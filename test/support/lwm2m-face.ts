import { Lwm2mServer } from "@iot-esim/eim/bindings/lwm2m/lwm2m-server";
import { EsipaLinkError } from "@iot-esim/ipa/esipa/errors";
import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapHandler, CoapResponse } from "@iot-esim/shared/transport/coap/coap-face";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { decodeRefusal } from "@iot-esim/shared/transport/mqtt/refusal";
import { concatBytes, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { handlerOver, noTime } from "./coap-face.ts";
import { DatagramLine } from "./datagram-line.ts";
import { eidIn } from "./mqtt-face.ts";

const PARTS = { clock: systemClock, random: systemRandom };
/** Of a device that has not named itself yet: some functions say whose they are by a transaction alone. */
const ANY_EID = Eid("89049032123451234512345678901235");

/** A device's end of LwM2M: registered under an EID, with the object in it. */
interface Registered {
	readonly eid: Eid;
	exchange(message: Uint8Array): Promise<Uint8Array>;
	close(): void;
}

/** The way over LwM2M to whoever answers `client`, with the eIM's server between them and datagrams in memory. */
export function lwm2mFaceLink(client: HttpClient): EsipaLink {
	let goDead = () => {};
	const server = new Lwm2mServer({
		...PARTS,
		handler: handlerOver(client, () => goDead()),
		log: memoryLogger().logger("test.lwm2m"),
		eidOf: async (endpoint) => (Eid.is(endpoint) ? endpoint : undefined),
		objectId: 32_032,
		maxRegistrations: 2,
		awakeFor: Seconds(93),
		injectTimeout: Seconds(30),
		blockExponent: 6,
		load: { active: 0, max: 4 },
		onAwake: () => undefined,
	});
	let device: Registered | undefined;
	return {
		name: "lwm2m",
		async exchange(message) {
			const named = eidIn(message);
			const eid = named !== undefined && Eid.is(named) ? named : (device?.eid ?? ANY_EID);
			if (device?.eid !== eid) {
				device?.close();
				device = await register(server, eid, (end) => {
					goDead = end;
				});
			}
			const answer = await device.exchange(message).catch((cause) => {
				device = undefined;
				throw cause;
			});
			const refusal = decodeRefusal(answer);
			if (refusal === undefined) return answer;
			const { status, text } = refusal;
			throw new EsipaLinkError("IPA_EIM_STATUS", `status ${status}: ${text}`, { context: { status } });
		},
		close: async () => server.close(),
	};
}

async function register(server: Lwm2mServer, eid: Eid, onLine: (end: () => void) => void): Promise<Registered> {
	const line = new DatagramLine(noTime, { proven: { pskIdentity: eid } });
	let message: Uint8Array = new Uint8Array(0);
	/** Of the open request; its answer has it too. */
	let number = 0;
	let notify: ((response: CoapResponse) => void) | undefined;
	let settle: { resolve: (answer: Uint8Array) => void; reject: (error: Error) => void } | undefined;
	const value = (): CoapResponse => ({ code: "2.05", contentFormat: 42, payload: message });
	let isObserved = () => {};
	const observed = new Promise<void>((resolve) => {
		isObserved = resolve;
	});
	const handler: CoapHandler = ({ method, path, payload }) => {
		const resource = path.join("/");
		if (method === "PUT" && resource === "32032/0/0") {
			if (payload[0] !== 1 || payload[1] !== number) return { code: "2.04" };
			message = new Uint8Array(0);
			settle?.resolve(payload.subarray(2));
			return { code: "2.04" };
		}
		if (method !== "GET" || resource !== "32032/0/1") return { code: "4.05" };
		const observe = (tell: (response: CoapResponse) => void) => {
			notify = tell;
			isObserved();
			return () => undefined;
		};
		return { ...value(), observe };
	};
	server.accept(line.server);
	const endpoint = new CoapEndpoint(new DatagramChannel(line.client, PARTS), { ...PARTS, handler });
	onLine(() => {
		endpoint.close();
		settle?.reject(new EsipaLinkError("IPA_EIM_UNREACHABLE", "nobody is at the other end"));
	});
	const links = { contentFormat: 40, payload: utf8("</1/0>,</32032/0>") };
	const { code } = await endpoint.request({
		method: "POST",
		path: ["rd"],
		query: [`ep=${eid}`, "lwm2m=1.1"],
		...links,
	});
	if (code !== "2.01") throw new EsipaLinkError("IPA_EIM_UNREACHABLE", `registration answered ${code}`);
	await observed;
	return {
		eid,
		exchange: (given) =>
			new Promise((resolve, reject) => {
				settle = { resolve, reject };
				number = (number + 1) % 256;
				message = concatBytes(Uint8Array.of(1, number), given);
				notify?.(value());
			}),
		close: () => endpoint.close(),
	};
}
