import { setting } from "@iot-esim/shared/runtime/setting";
import { mqttEndSettings } from "@iot-esim/shared/transport/mqtt/settings";
import { Seconds } from "@iot-esim/shared/util/duration";

/** Settings of ESipa over MQTT (docs/operations/mqtt.md). */
export const mqttSettings = {
	...mqttEndSettings({
		url: "MQTT broker between device and eIM; mqtts on port 8883 at the eIM's own name when absent",
		urlExample: "mqtts://broker.example.com:8883",
		version: "Version of MQTT to speak to the broker; the eIM may speak the other one",
		prefix: "First levels of every topic, as the eIM has them; {eimId} stands for the eIM's id",
		keepalive: "Longest silence on the connection to the broker, in the time that NATs on the way allow",
		usualKeepalive: Seconds(240),
		username: "User name at the broker; the EID when there is a password and no name",
		usernameExample: "89049032123451234512345678901235",
		password: "Password at the broker",
		certificate: "Certificate (PEM) by which the broker knows the device, with the EID as its common name",
		caFile: "CA certificates (PEM) of a broker that has another name than the eIM",
	}),
	"mqtt.qos": setting.integer({
		description: "Quality of service of requests and their answers; 0 spares the acknowledgements of the broker",
		min: 0,
		max: 1,
		default: 1,
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
};
