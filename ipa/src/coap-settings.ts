import { setting } from "@iot-esim/shared/runtime/setting";
import { coapEndSettings } from "@iot-esim/shared/transport/coap/settings";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";

/** Settings of ESipa over CoAP (docs/operations/coap.md). */
export const coapSettings = {
	"coap.port": setting.integer({
		description: "Port on which eIMs are reached over CoAP, under their own name: UDP for coap, TCP for coaps+tcp",
		min: 1,
		max: 65_535,
		default: 5684,
	}),
	"coap.path": setting.string({
		description: "Path of ESipa at the eIM; every octet of it is sent each time. The standard's is gsma/rsp2/asn1",
		pattern: /^[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/,
		form: "segments without a slash in front",
		default: "e",
	}),
	"coap.idle": setting.duration({
		description:
			"A session ends after such a time without an exchange, shorter than NATs on the way forget it; the next one resumes it",
		min: Seconds(1),
		default: Minutes(2),
	}),
	"coap.stay": setting.boolean({
		description:
			"Stays connected to the eIM (whatever coap.idle says) and polls as soon as something waits there; for devices that need not sleep",
		default: false,
	}),
	"coap.keepalive": setting.duration({
		description: "With coap.stay: longest silence before a ping, in the time that NATs on the way allow",
		min: Seconds(5),
		default: Minutes(2),
	}),
	"coap.blockSize": setting.integer({
		description: "Octets of a message in one datagram: 16, 32, 64, 128, 256, 512 or 1024; the next smaller one counts",
		min: 16,
		max: 1024,
		unit: "octets",
		default: 1024,
	}),
	"coap.cipherSuites": setting.strings({
		description: "Cipher suites of DTLS, best first; all that the eIM's trust or the key allow when empty",
		default: [],
		example: ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"],
	}),
	...coapEndSettings,
	"coap.pskIdentity": setting.string({
		description: "Identity of coap.pskKey; the EID when absent",
		optional: true,
		example: "89049032123451234512345678901235",
	}),
	"coap.pskKey": setting.secret({
		description: "Key (hex) that this device and the eIM share, in place of certificates in DTLS",
		optional: true,
	}),
	"coap.certificate": setting.path({
		description:
			"Certificate (PEM, own certificate first) by which the eIM knows the device over CoAP, in DTLS without coap.pskKey and in TLS, with the EID as its common name",
		optional: true,
		example: "coap-certificate.pem",
	}),
	"coap.key": setting.path({
		description: "Private key (PEM) of coap.certificate, or with coap.rawPublicKeys by itself",
		optional: true,
		example: "coap-key.pem",
	}),
	"coap.rawPublicKeys": setting.boolean({
		description:
			"In DTLS raw public keys (RFC 7250) in place of certificates: the eIM shows the key that the card pins, the device that of coap.key; needs Node 24",
		default: false,
	}),
};
