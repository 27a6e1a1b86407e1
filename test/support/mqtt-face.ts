import { MqttFace } from "@iot-esim/eim/bindings/mqtt-face";
import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import { mqttLink } from "@iot-esim/ipa/esipa/mqtt";
import { Asn1Error } from "@iot-esim/shared/asn1/errors";
import { readTlvs, readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { DEFAULT_PREFIX } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { handlerOver } from "./coap-face.ts";
import { MemoryBroker } from "./mqtt-broker.ts";

/** Of a device that has not named itself yet: some functions say whose they are by a transaction alone. */
const ANY_EID = "89049032123451234512345678901235";

/**
 * The IPA's link over MQTT to whoever answers `client`, with the eIM's binding and a broker without octets between them:
 * MQTT 5 on the eIM's side and 3.1.1 on the device's.
 */
export function mqttFaceLink(client: HttpClient): EsipaLink {
	const broker = new MemoryBroker();
	const parts = { clock: systemClock, random: systemRandom, log: memoryLogger().logger("test.mqtt") };
	const face = new MqttFace({
		...parts,
		handler: handlerOver(client, () => {
			broker.cut();
			throw new Error("nobody is at the other end");
		}),
		broker: "test",
		open: broker.opener("5"),
		prefix: DEFAULT_PREFIX,
		shareGroup: "eim",
		concurrency: 4,
		injectTimeout: Seconds(30),
	});
	let eid: string | undefined;
	let link: EsipaLink | undefined;
	return {
		name: "mqtt",
		async exchange(message, signal) {
			await face.connected();
			const named = eidIn(message) ?? eid ?? ANY_EID;
			if (link === undefined || named !== eid) {
				await link?.close();
				eid = named;
				const open = broker.opener("3.1.1");
				link = mqttLink({ ...parts, broker: "test", open, eid, prefix: DEFAULT_PREFIX, qos: 1, timeout: Seconds(30) });
			}
			return link.exchange(message, signal);
		},
		async close() {
			await link?.close();
			await face.stop();
		},
	};
}

/** The EID that a message names, where it can be read. */
export function eidIn(message: Uint8Array): string | undefined {
	try {
		const whole = readWholeTlv(message);
		const named = readTlvs(message, whole.valueStart, whole.end).find(({ tag }) => tag === 0x5a);
		return named && toHex(message.subarray(named.valueStart, named.end));
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}
