import { setting } from "@iot-esim/shared/runtime/setting";
import { coapEndSettings } from "@iot-esim/shared/transport/coap/settings";
import { Hours, Seconds } from "@iot-esim/shared/util/duration";

const PORT = { min: 0, max: 65_535 };

/** Settings of ESipa over CoAP (docs/operations/coap.md). */
export const coapSettings = {
	"coap.host": setting.string({ description: "Address that devices reach over CoAP", default: "0.0.0.0" }),
	"coap.port": setting.integer({
		...PORT,
		description: "UDP port for devices over CoAP and DTLS (coaps), usually 5684; not served when absent",
		optional: true,
		example: 5684,
	}),
	"coap.tcpPort": setting.integer({
		...PORT,
		description: "TCP port for devices over CoAP and TLS (coaps+tcp), usually 5684; not served when absent",
		optional: true,
		example: 5684,
	}),
	"coap.provenPort": setting.integer({
		...PORT,
		description:
			"UDP port for devices that prove themselves in DTLS, by a certificate of coap.clientCa or a key of coap.pskFile; others are refused there; not served when absent",
		optional: true,
		example: 5685,
	}),
	"coap.provenTcpPort": setting.integer({
		...PORT,
		description:
			"TCP port for devices that prove themselves in TLS, by a certificate of coap.clientCa; others are refused there; not served when absent",
		optional: true,
		example: 5685,
	}),
	"coap.clientCa": setting.path({
		description:
			"CA certificates (PEM) of CoAP devices that prove themselves by certificate, at coap.provenPort and coap.provenTcpPort; none may without it",
		optional: true,
		example: "coap-device-ca.pem",
	}),
	"coap.rawKeyPort": setting.integer({
		...PORT,
		description:
			"UDP port for devices that know the eIM in DTLS by its raw public key (RFC 7250), that of its TLS certificate; needs Node 24; not served when absent",
		optional: true,
		example: 5686,
	}),
	"coap.rawKeyFile": setting.path({
		description:
			"Raw public keys of devices, which alone are taken at coap.rawKeyPort then: lines of EID (or another identity), a colon, the key (SubjectPublicKeyInfo) in base64",
		optional: true,
		example: "coap-raw-keys.txt",
	}),
	"coap.shortPath": setting.string({
		description: "Path that stands for gsma/rsp2/asn1, the same in devices; every octet of it is sent each time",
		pattern: /^[A-Za-z0-9._~-]{1,16}$/,
		form: "1 to 16 letters and digits",
		default: "e",
	}),
	"coap.blockSize": setting.integer({
		description: "Octets of a message in one datagram: 16, 32, 64, 128, 256, 512 or 1024; the next smaller one counts",
		min: 16,
		max: 1024,
		unit: "octets",
		default: 1024,
	}),
	"coap.maxSessions": setting.integer({
		description: "Sessions of devices at once, at each port",
		min: 1,
		max: 1_000_000,
		default: 10_000,
	}),
	"coap.idleTimeout": setting.duration({
		description: "A session in which nothing moves for so long is forgotten; it can be resumed",
		min: Seconds(10),
		default: Hours(1),
	}),
	...coapEndSettings,
	"coap.pskFile": setting.path({
		description: "Pre-shared keys of devices for DTLS: lines of EID (or another identity), a colon, the key in hex",
		optional: true,
		example: "coap-keys.txt",
	}),
	"coap.cipherSuites": setting.strings({
		description: "Cipher suites that devices may choose in DTLS; all that certificate and keys allow when empty",
		default: [],
		example: ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "TLS_PSK_WITH_AES_128_CCM_8"],
	}),
};
