import { setting } from "@iot-esim/shared/runtime/setting";
import { Hours, Seconds } from "@iot-esim/shared/util/duration";

/** Settings of ESipa over MQTT (docs/operations/mqtt.md). */
export const mqttSettings = {
	"mqtt.url": setting.string({
		description: "MQTT broker between device and eIM; mqtts on port 8883 at the eIM's own name when absent",
		pattern: /^mqtts?:\/\/[^/\s]+$/,
		form: "mqtts://host[:8883] or mqtt://host[:1883]",
		optional: true,
		example: "mqtts://broker.example.com:8883",
	}),
	"mqtt.version": setting.choice({
		description: "Version of MQTT to speak to the broker; the eIM may speak the other one",
		values: ["5", "3.1.1"],
		default: "5",
	}),
	"mqtt.prefix": setting.string({
		description: "First levels of every topic, as the eIM has them; {eimId} stands for the eIM's id",
		pattern: /^[^+#/\s]+(\/[^+#/\s]+)*$/,
		form: "levels of a topic without + and #",
		default: "e1",
	}),
	"mqtt.qos": setting.integer({
		description: "Quality of service of requests and their answers; 0 spares the acknowledgements of the broker",
		min: 0,
		max: 1,
		default: 1,
	}),
	"mqtt.keepalive": setting.duration({
		description: "Longest silence on the connection to the broker, in the time that NATs on the way allow",
		min: Seconds(5),
		max: Hours(18),
		default: Seconds(240),
	}),
	"mqtt.idle": setting.duration({
		description:
			"The connection ends after such a time without an exchange; it stays, for hints and packages, when absent",
		min: Seconds(1),
		optional: true,
		example: "10s",
	}),
	"mqtt.hintInterval": setting.duration({
		description: "Polls that hints of the broker cause follow each other no sooner",
		min: Seconds(1),
		default: Seconds(10),
	}),
	"mqtt.takesPackages": setting.boolean({
		description:
			"Takes packages that the eIM brings over MQTT (ESipa.TransferEimPackage); the broker's access list has to say who is the eIM",
		default: false,
	}),
	"mqtt.username": setting.string({
		description: "User name at the broker; the EID when there is a password and no name",
		optional: true,
		example: "89049032123451234512345678901235",
	}),
	"mqtt.password": setting.secret({ description: "Password at the broker", optional: true }),
	"mqtt.certificate": setting.path({
		description: "Certificate (PEM) by which the broker knows the device, with the EID as its common name",
		optional: true,
		example: "mqtt-certificate.pem",
	}),
	"mqtt.key": setting.path({
		description: "Private key (PEM) of mqtt.certificate",
		optional: true,
		example: "mqtt-key.pem",
	}),
	"mqtt.caFile": setting.path({
		description: "CA certificates (PEM) of a broker that has another name than the eIM",
		optional: true,
		example: "broker-ca.pem",
	}),
};
