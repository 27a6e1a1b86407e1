/** The eIM's face and the IPA's link over CoAP, as the settings of both programs make them. */

import type { CoapFace } from "@iot-esim/eim/bindings/coap-face";
import { coapFaceOf } from "@iot-esim/eim/coap-parts";
import { eimConfig } from "@iot-esim/eim/config";
import type { EsipaPeer } from "@iot-esim/eim/esipa/esipa-deps";
import { createEsipaHandler } from "@iot-esim/eim/esipa/handler";
import { pskFileOf } from "@iot-esim/eim/psk-file";
import { linkMaker } from "@iot-esim/ipa/cli/eim-transports";
import { ipaConfig } from "@iot-esim/ipa/config";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { equalBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { esipaBench } from "../support/esipa-bench.ts";
import { closers } from "./dtls-bench.ts";
import { identity, pkis } from "./http-bench.ts";

export const EID = "89049032123451234512345678901235";
export const poll = (eid: string) => tlv(0xbf4f, tlv(0x5a, fromHex(eid)));
export const large = (length: number) =>
	tlv(
		0xbf36,
		Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
	);
export const NOTIFICATION = hex`BF3D00`;
export const FAILING = hex`BF4100`;

export type Transport = "coap" | "coaps+tcp";
export type Curve = keyof typeof pkis;

/** The eIM's face as its settings make it; who has proven an EID is served by the eIM, others hear their own message. */
export async function faceOf(curve: Curve, flags: readonly string[] = []) {
	const peers: EsipaPeer[] = [];
	const { logger, entries } = memoryLogger();
	const eim = await esipaBench();
	const ofEim = createEsipaHandler(eim.deps);
	const handler = {
		async handle(message: Uint8Array, peer: EsipaPeer) {
			peers.push(peer);
			if (peer.provenEid !== undefined) return ofEim.handle(message, peer);
			if (equalBytes(message, NOTIFICATION)) return null;
			if (equalBytes(message, FAILING)) throw new EsimError("TRANSPORT_TIMEOUT", "the SM-DP+ is silent");
			return message;
		},
	};
	const config = readConfig(eimConfig, { flags: ["--coap-host", "127.0.0.1", ...flags] });
	const { store } = eim;
	closers.push(() => store.close());
	const keys = pskFileOf(config, logger("eim.coap"));
	const effects = { clock: systemClock, random: systemRandom, logger, keys };
	const face = coapFaceOf(config, { ...effects, handler, store, identity: identity(pkis[curve].eimTls) }) as CoapFace;
	closers.push(() => face.close());
	const { coap, coapTcp, provenCoap, provenCoapTcp, rawKeyCoap } = await face.listen();
	const hostPort = (address: string | undefined) => address?.split("//")[1];
	return {
		face,
		eim,
		peers,
		entries,
		address: (transport: Transport) => hostPort(transport === "coap" ? coap : coapTcp),
		rawKeyAddress: hostPort(rawKeyCoap),
		/** Where devices prove themselves. */
		provenAddress: (transport: Transport) => hostPort(transport === "coap" ? provenCoap : provenCoapTcp),
	};
}

export const targetOf = (trustedTlsKey: EsipaTarget["trustedTlsKey"]): EsipaTarget => ({
	eimId: "eim",
	eimFqdn: "eim.example.com:8443",
	trustedTlsKey,
});

/** A link as the device's settings make it. */
export function linkOver(
	transport: Transport,
	address: string | undefined,
	target: EsipaTarget,
	{
		flags = [],
		fallbackCa = [],
		pollSoon = () => undefined,
		clock = systemClock,
	}: { flags?: readonly string[]; fallbackCa?: readonly string[]; pollSoon?: () => void; clock?: Clock } = {},
) {
	const hosts = `eim.example.com:5684=${address}`;
	const config = readConfig(ipaConfig, { flags: ["--eim-transport", transport, "--hosts", hosts, ...flags] });
	const { logger } = memoryLogger();
	const make = linkMaker(config, { clock, random: systemRandom, logger, fallbackCa });
	const events = { transfer: () => Promise.reject(new Error("none")), pollSoon };
	const link = make(target, fromHex(EID), events);
	closers.push(() => link.close());
	return link;
}

export const PORTS: Readonly<Record<Transport, readonly string[]>> = {
	coap: ["--coap-port", "0"],
	"coaps+tcp": ["--coap-tcp-port", "0"],
};

export const PROVEN_PORTS: Readonly<Record<Transport, readonly string[]>> = {
	coap: ["--coap-proven-port", "0"],
	"coaps+tcp": ["--coap-proven-tcp-port", "0"],
};
