import { setting } from "../../runtime/setting.ts";
import { Milliseconds, Seconds } from "../../util/duration.ts";

/** Settings of ESipa over CoAP that device and eIM have alike (docs/operations/coap.md). */
export const coapEndSettings = {
	"coap.dtlsRetransmit": setting.duration({
		description:
			"A lost part of a DTLS handshake is sent again after so long, then after twice as long; 9s where answers take seconds (NB-IoT)",
		min: Milliseconds(100),
		max: Seconds(60),
		default: Seconds(1),
	}),
	"coap.labMode": setting.string({
		description: "LAB ONLY: a name for the bench on which coap.keyLog is wanted",
		pattern: /\S/,
		form: "a name",
		optional: true,
		example: "bench-3",
	}),
	"coap.keyLog": setting.path({
		description:
			"LAB ONLY, with coap.labMode: file to which the keys of DTLS and TLS sessions of CoAP and LwM2M are added (SSLKEYLOGFILE), to decrypt captures with",
		optional: true,
		example: "coap-keys.log",
	}),
};
