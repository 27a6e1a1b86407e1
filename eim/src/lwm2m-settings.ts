import { setting } from "@iot-esim/shared/runtime/setting";
import { Hours, Seconds } from "@iot-esim/shared/util/duration";

/** Settings of ESipa over LwM2M (docs/operations/lwm2m.md). */
export const lwm2mSettings = {
	"lwm2m.host": setting.string({ description: "Address that devices reach over LwM2M", default: "0.0.0.0" }),
	"lwm2m.port": setting.integer({
		min: 0,
		max: 65_535,
		description:
			"UDP port for LwM2M devices over DTLS, another one than coap.port; keys are those of coap.pskFile; not served when absent",
		optional: true,
		example: 5694,
	}),
	"lwm2m.clientCa": setting.path({
		description: "CA certificates (PEM) of LwM2M devices that prove themselves by certificate; none may without it",
		optional: true,
		example: "lwm2m-device-ca.pem",
	}),
	"lwm2m.objectId": setting.integer({
		description: "Number of the object that carries ESipa, the same in devices",
		min: 26_241,
		max: 32_768,
		default: 32_032,
	}),
	"lwm2m.maxRegistrations": setting.integer({
		description: "Devices registered at once with one process",
		min: 1,
		max: 1_000_000,
		default: 10_000,
	}),
	"lwm2m.awakeFor": setting.duration({
		description: "How long a device in queue mode is there after each of its messages",
		min: Seconds(1),
		max: Hours(24),
		default: Seconds(93),
	}),
	"lwm2m.idleTimeout": setting.duration({
		description:
			"A DTLS session in which nothing moves for so long is forgotten; longer than lifetimes of registrations",
		min: Seconds(10),
		default: Hours(25),
	}),
	"lwm2m.labMode": setting.string({
		description: "LAB ONLY: a name for plain UDP without any proof of who a device is, in place of DTLS",
		optional: true,
		example: "bench-3",
	}),
};
