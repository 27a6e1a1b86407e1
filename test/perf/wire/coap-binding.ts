import type { Eim } from "@iot-esim/eim/app";
import { coapDtlsLink, coapTlsLink } from "@iot-esim/ipa/esipa/coap-targets";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { AbsentBinding, StartedBinding, WireBinding } from "./binding.ts";
import { EIM_NAME } from "./scene.ts";

const DTLS = "coap+dtls";
const PORT = 5684;
/** As the settings of the IPA have them by default. */
const [PATH, BLOCK_EXPONENT, MAX_BODY] = [["e"], 6, 256 * 1024] as const;

const options = (relayPort: number) => ({
	clock: systemClock,
	random: systemRandom,
	timeout: Seconds(30),
	port: PORT,
	path: PATH,
	hosts: { [EIM_NAME]: `127.0.0.1:${relayPort}` },
	maxBody: MAX_BODY,
});

/** ESipa over CoAP and DTLS 1.2, the eIM known by its certificate: ECDHE-ECDSA with AES-128-CCM-8. */
export function coapDtlsBinding(): WireBinding | AbsentBinding {
	const dtls = dtlsAvailable();
	if (!dtls.available) return { name: DTLS, absent: dtls.reason };
	const started: StartedBinding = {
		eimSettings: { "coap-host": "127.0.0.1", "coap-port": "0" },
		listen: (eim) => listen(eim, "coap"),
		link: (relayPort) => (target) => {
			const cipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"] as const;
			return coapDtlsLink(target, { ...options(relayPort), blockExponent: BLOCK_EXPONENT, cipherSuites });
		},
	};
	return { name: DTLS, carrier: "udp", start: () => started };
}

/** ESipa over CoAP and TLS (RFC 8323). */
export function coapTlsBinding(): WireBinding {
	const started: StartedBinding = {
		eimSettings: { "coap-host": "127.0.0.1", "coap-tcp-port": "0" },
		listen: (eim) => listen(eim, "coapTcp"),
		link: (relayPort) => (target) => coapTlsLink(target, options(relayPort)),
	};
	return { name: "coaps+tcp", carrier: "tcp", start: () => started };
}

async function listen(eim: Eim, kind: "coap" | "coapTcp") {
	const address = (await eim.coap?.listen())?.[kind];
	if (address === undefined) throw new Error(`the eIM does not listen for ${kind}`);
	return { port: Number(address.slice(address.lastIndexOf(":") + 1)), close: async () => eim.coap?.close() };
}
