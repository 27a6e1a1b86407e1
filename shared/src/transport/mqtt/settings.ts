import { setting } from "../../runtime/setting.ts";
import { type Duration, Hours, Seconds } from "../../util/duration.ts";
import { DEFAULT_PREFIX } from "./esipa-topics.ts";

/** What one end of ESipa over MQTT says of the settings that both ends have. */
export interface MqttEnd {
	readonly url: string;
	readonly urlExample: string;
	readonly version: string;
	readonly prefix: string;
	readonly keepalive: string;
	readonly usualKeepalive: Duration;
	readonly username: string;
	readonly usernameExample: string;
	readonly password: string;
	readonly certificate: string;
	readonly caFile: string;
}

/** The way to the broker, and the topics there: settings that device and eIM have alike (docs/operations/mqtt.md). */
export function mqttEndSettings(end: MqttEnd) {
	return {
		"mqtt.url": setting.string({
			description: end.url,
			pattern: /^mqtts?:\/\/[^/\s]+$/,
			form: "mqtts://host[:8883] or mqtt://host[:1883]",
			optional: true,
			example: end.urlExample,
		}),
		"mqtt.version": setting.choice({ description: end.version, values: ["5", "3.1.1"], default: "5" }),
		"mqtt.prefix": setting.string({
			description: end.prefix,
			pattern: /^[^+#/\s]+(\/[^+#/\s]+)*$/,
			form: "levels of a topic without + and #",
			default: DEFAULT_PREFIX,
		}),
		"mqtt.keepalive": setting.duration({
			description: end.keepalive,
			min: Seconds(5),
			max: Hours(18),
			default: end.usualKeepalive,
		}),
		"mqtt.username": setting.string({ description: end.username, optional: true, example: end.usernameExample }),
		"mqtt.password": setting.secret({ description: end.password, optional: true }),
		"mqtt.certificate": setting.path({
			description: end.certificate,
			optional: true,
			example: "mqtt-certificate.pem",
		}),
		"mqtt.key": setting.path({
			description: "Private key (PEM) of mqtt.certificate",
			optional: true,
			example: "mqtt-key.pem",
		}),
		"mqtt.caFile": setting.path({ description: end.caFile, optional: true, example: "broker-ca.pem" }),
	};
}
