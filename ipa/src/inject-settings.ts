import { setting } from "@iot-esim/shared/runtime/setting";

const ADDRESS = { optional: true, pattern: /^.+:\d{1,5}$/, form: "host:port" } as const;

/** Settings of taking packages that eIMs bring (ESipa.TransferEimPackage). */
export const injectSettings = {
	"inject.listen": setting.string({
		...ADDRESS,
		description: "Where eIMs may bring packages (ESipa.TransferEimPackage over HTTPS); nowhere when absent",
		example: "0.0.0.0:8444",
	}),
	"inject.coapListen": setting.string({
		...ADDRESS,
		description: "The same over CoAP and DTLS, a UDP port; nowhere when absent",
		example: "0.0.0.0:5684",
	}),
	"inject.certificate": setting.path({
		description: "TLS certificate (PEM, own certificate first) of the inject listeners",
		optional: true,
		example: "inject-certificate.pem",
	}),
	"inject.key": setting.path({
		description: "Private key (PEM) of inject.certificate",
		optional: true,
		example: "inject-key.pem",
	}),
} as const;
