import { MqttFace, type MqttFaceDeps } from "@iot-esim/eim/bindings/mqtt-face";
import type { EsipaHandler } from "@iot-esim/eim/esipa/handler";
import { type MqttLinkOptions, mqttLink } from "@iot-esim/ipa/esipa/mqtt";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { type BrokerOptions, mqttBroker } from "@iot-esim/shared/transport/mqtt/broker-client";
import type { MqttVersion, OpenMqtt } from "@iot-esim/shared/transport/mqtt/connection";
import { Seconds } from "@iot-esim/shared/util/duration";

const opened = new Set<() => Promise<void>>();

/** Ends what a test has left open. */
export async function closeAll(): Promise<void> {
	for (const close of [...opened]) await close();
	opened.clear();
}

export const EID = Eid("89049032123451234512345678901235");
export const OTHER_EID = Eid("89049032123451234512345678901332");

/** GetEimPackageRequest of a device. */
export function pollOf(eid: Eid): Uint8Array {
	return tlv(0xbf4f, tlv(0x5a, Eid.toBytes(eid)));
}

/** eimPackageError noEimPackageAvailable(1). */
export const NOTHING = Uint8Array.of(0xbf, 0x4f, 0x03, 0x02, 0x01, 0x01);

/** A handler that answers a poll with nothing to do, or as it is told. */
export function handlerOf(handle: EsipaHandler["handle"] = async () => NOTHING): EsipaHandler {
	return { handle };
}

export function openerTo(
	url: string,
	clientId: string,
	version: MqttVersion,
	change: Partial<BrokerOptions> = {},
): OpenMqtt {
	return mqttBroker({
		url,
		tls: { kind: "none" },
		clientId,
		version,
		keepalive: Seconds(60),
		timeout: Seconds(5),
		largestPacket: 1_000_000,
		clock: systemClock,
		...change,
	});
}

export function faceOf(open: OpenMqtt, change: Partial<MqttFaceDeps> = {}): MqttFace {
	const face = new MqttFace({
		handler: handlerOf(),
		broker: "test",
		open,
		prefix: "e1",
		shareGroup: "eim",
		concurrency: 8,
		injectTimeout: Seconds(5),
		clock: systemClock,
		random: systemRandom,
		log: silentLogger("test"),
		...change,
	});
	opened.add(() => face.stop());
	return face;
}

export function linkOf(open: OpenMqtt, change: Partial<MqttLinkOptions> = {}) {
	const link = mqttLink({
		broker: "test",
		open,
		eid: EID,
		prefix: "e1",
		qos: 1,
		timeout: Seconds(5),
		clock: systemClock,
		random: systemRandom,
		log: silentLogger("test"),
		...change,
	});
	opened.add(() => link.close());
	return link;
}
