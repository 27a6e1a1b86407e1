import { setting } from "@iot-esim/shared/runtime/setting";
import { mqttEndSettings } from "@iot-esim/shared/transport/mqtt/settings";
import { Seconds } from "@iot-esim/shared/util/duration";

/** Settings of ESipa over MQTT (docs/operations/mqtt.md). */
export const mqttSettings = {
	...mqttEndSettings({
		url: "MQTT broker over which devices are reached besides HTTPS; none when absent",
		urlExample: "mqtts://eim.example.com:8883",
		version: "Version of MQTT to speak to the broker; devices may speak the other one",
		prefix: "First levels of every topic, the same in devices; every octet of it is sent each time",
		keepalive: "Longest silence on the connection to the broker",
		usualKeepalive: Seconds(60),
		username: "User name at the broker",
		usernameExample: "eim",
		password: "Password of mqtt.username",
		certificate: "Certificate (PEM) by which the broker knows this eIM",
		caFile: "CA certificates (PEM) of the broker; the CA of this eIM's own TLS server when absent",
	}),
	"mqtt.shareGroup": setting.string({
		description:
			"Replicas of this eIM with the same group share the requests; empty for a broker without shared subscriptions",
		pattern: /^[^+#/\s]*$/,
		form: "a name without / + #, or nothing",
		default: "eim",
	}),
	"mqtt.concurrency": setting.integer({
		description: "Requests over MQTT that are worked on at once",
		min: 1,
		max: 10_000,
		default: 64,
	}),
	"mqtt.hints": setting.boolean({
		description: "Whether a retained message tells a device that something waits for it",
		default: true,
	}),
	"mqtt.clientId": setting.string({
		description: "Name at the broker; each connection adds 8 digits of its own",
		default: "eim",
	}),
};
