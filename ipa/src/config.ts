import { type Config, defineConfig, setting } from "@iot-esim/shared/runtime/config";
import { ConfigError } from "@iot-esim/shared/runtime/errors";
import { LOG_LEVELS } from "@iot-esim/shared/runtime/logger";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { Days, Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type { IpaSettings } from "./agent.ts";
import type { ProactiveDuty } from "./card/isd-r-channel.ts";
import { ISD_R_AID } from "./card/isd-r-channel.ts";
import { coapSettings } from "./coap-settings.ts";
import type { EimDialect } from "./esipa/dialect-link.ts";
import { injectSettings } from "./inject-settings.ts";
import { linksSettings } from "./links-settings.ts";
import { mqttSettings } from "./mqtt-settings.ts";
import type { IpaProtocol } from "./procedures/download-mode.ts";
import { parseQuietWindow, type QuietWindow } from "./procedures/policy/quiet-hours.ts";
import { wakeSettings } from "./wake-settings.ts";

/** Every setting of the agent; `ipa config template` prints them with their defaults. */
export const ipaConfig = defineConfig(
	{
		"card.address": setting.string({
			description: "Where the card is: vpcd://host:port, vpcd+listen://host:port, pcsc: or pcsc:READER",
			optional: true,
			example: "vpcd://127.0.0.1:35964",
		}),
		"card.isdrAid": setting.string({
			description: "AID of the ISD-R; some cards use another one",
			pattern: /^([0-9A-Fa-f]{2}){5,16}$/,
			form: "5 to 16 octets in hex",
			default: ISD_R_AID,
		}),
		"card.channel": setting.integer({ description: "Logical channel to ask for", min: 1, max: 19, default: 1 }),
		"card.blockSize": setting.integer({
			description: "Octets in one STORE DATA; smaller for modems with short limits",
			min: 16,
			max: 255,
			unit: "octets",
			default: 255,
		}),
		"card.storeDataWithLe": setting.boolean({
			description: "Adds Le to the last block, for cards under T=1 that give no data without it",
			default: false,
		}),
		"card.proactive": setting.choice({
			description: "Who answers proactive commands; auto: the modem for vpcd://, the agent for a bare card",
			values: ["auto", "modem", "agent"],
			default: "auto",
		}),
		"card.timeout": setting.duration({ description: "Longest wait for one answer of the card", default: Seconds(60) }),
		"card.refreshDelay": setting.duration({
			description: "Pause after a profile switch before the card is used again",
			default: Seconds(1),
		}),
		"card.refreshTimeout": setting.duration({
			description: "Longest wait for the card after a REFRESH",
			default: Seconds(60),
		}),
		"card.trace": setting.path({
			description:
				"File to which every APDU is added, as `eim inspect` reads it; for looking into, it grows without end",
			optional: true,
			example: "apdus.txt",
		}),
		"state.folder": setting.path({
			description: "Folder of the journal, which must survive power cuts",
			default: "ipa-state",
		}),
		"eim.id": setting.string({
			description: "Polls this eIM alone, of those that the card is associated with",
			optional: true,
			example: "eim.example.com",
		}),
		"eim.transport": setting.choice({
			description:
				"What carries messages to eIMs: HTTPS, CoAP over DTLS or over TLS (coap.*), or MQTT through a broker (mqtt.*)",
			values: ["https", "coap", "coaps+tcp", "mqtt"],
			default: "https",
		}),
		"eim.timeout": setting.duration({
			description: "Longest time for one exchange with the eIM",
			default: Seconds(30),
		}),
		"eim.caFile": setting.path({
			description: "CA certificates (PEM) for eIMs whose configuration on the card holds no TLS key",
			optional: true,
			example: "eim-ca.pem",
		}),
		"eim.binding": setting.choice({
			description: "Form of the messages to eIMs over HTTPS; an eIM offers both",
			values: ["asn1", "json"],
			default: "asn1",
		}),
		"eim.bindings": setting.map({
			description: "Where eIMs differ from eim.binding: eimId to asn1 or json",
			default: {},
			example: { "eim.example.com": "json" },
		}),
		"eim.dialect": setting.choice({
			description: "Version of SGP.32 to speak to eIMs; auto begins with 1.2 and learns from what the eIM does",
			values: ["auto", "1.0", "1.1", "1.2", "1.3"],
			default: "auto",
		}),
		"esipa.minimizeBytes": setting.boolean({
			description: "Leaves out of messages what the eIM knows (minimizeEsipaBytes), once it has the eUICC's data",
			default: false,
		}),
		"eim.adminProtocol": setting.string({
			description: "Version of SGP.22 in the header X-Admin-Protocol",
			pattern: /^\d+\.\d+\.\d+$/,
			form: "major.minor.revision",
			default: "2.5.0",
		}),
		...linksSettings,
		...coapSettings,
		...mqttSettings,
		...wakeSettings,
		...injectSettings,
		hosts: setting.map({
			description: "Where names are found instead of in the DNS: name[:port] to host:port",
			default: {},
			example: { "eim.example.com": "127.0.0.1:8443" },
		}),
		proxy: setting.string({
			description: "HTTP proxy that is the only way out, as http://host:port",
			optional: true,
			example: "http://127.0.0.1:3128",
		}),
		"poll.interval": setting.duration({ description: "Pause between polls", min: Seconds(1), default: Minutes(15) }),
		"poll.retryAfter": setting.duration({
			description: "Pause after the first failure; doubled after each further one",
			min: Seconds(1),
			default: Seconds(10),
		}),
		"poll.retryAtMost": setting.duration({
			description: "Longest pause after failures",
			min: Seconds(1),
			default: Minutes(15),
		}),
		"poll.jitter": setting.number({
			description:
				"Part of a pause by which it is made longer or shorter at random, so that a fleet does not poll at once",
			min: 0,
			max: 0.5,
			default: 0.1,
		}),
		"poll.meteredInterval": setting.duration({
			description: "Pause between polls on a link that is paid by volume",
			min: Seconds(1),
			default: Hours(6),
		}),
		"poll.quietHours": setting.strings({
			description: "Local times in which no poll starts, as 22:00-06:00; rollback and fallback do not wait for them",
			default: [],
			example: ["22:00-06:00"],
		}),
		"poll.onNetworkChange": setting.boolean({
			description: "Polls when addresses or links of the device have changed",
			default: true,
		}),
		"poll.networkSettles": setting.duration({
			description: "Time from the last change of the network to the poll that it causes",
			default: Seconds(10),
		}),
		"poll.packagesInOneGo": setting.integer({
			description: "Packages worked off before a pause, however many the eIM has",
			min: 1,
			max: 1000,
			default: 50,
		}),
		"rollback.after": setting.duration({
			description: "Time from a switch to rollback when its result cannot be delivered",
			min: Seconds(1),
			default: Minutes(5),
		}),
		"rollback.deliveryRetry": setting.duration({
			description: "Pause between attempts to deliver the result of a switch",
			min: Seconds(1),
			default: Seconds(5),
		}),
		"rollback.attempts": setting.integer({
			description: "Attempts to deliver the result of a switch that have to fail before a rollback, whatever the time",
			min: 1,
			max: 1000,
			default: 1,
		}),
		"fallback.enabled": setting.boolean({
			description: "Goes to the profile with the fallback attribute when no eIM can be reached",
			default: true,
		}),
		"fallback.after": setting.duration({
			description:
				"Time without reaching any eIM until fallback, longer than any outage of an eIM; doubled each time that none was reached over the fallback profile either",
			min: Minutes(1),
			default: Days(1),
		}),
		"fallback.attempts": setting.integer({
			description: "Rounds that have to fail in that time",
			min: 1,
			max: 1000,
			default: 5,
		}),
		"fallback.returnAfter": setting.duration({
			description: "Time on the fallback profile until the own one is tried again; doubled each time that did not help",
			min: Minutes(1),
			default: Days(1),
		}),
		"fallback.returnAtMost": setting.duration({
			description: "Longest time on the fallback profile until the own one is tried again",
			min: Minutes(1),
			default: Days(7),
		}),
		"link.metered": setting.boolean({
			description: "The device's link is always one that is paid by volume",
			default: false,
		}),
		"link.meteredInterfaces": setting.strings({
			description: "Interfaces whose link is paid by volume; it is in use when no other one has an address",
			default: [],
			example: ["wwan0"],
		}),
		"link.watchInterval": setting.duration({
			description: "How often addresses and links of the device are looked at",
			min: Seconds(1),
			default: Seconds(10),
		}),
		"download.onMetered": setting.boolean({
			description: "Loads profiles over a link that is paid by volume; else downloads wait for another link",
			default: true,
		}),
		"download.immediateEnable": setting.boolean({
			description: "Asks the card to enable a profile as soon as it is installed, where it is configured to",
			default: false,
		}),
		"download.consentGranted": setting.boolean({
			description: "Installs profiles whose policy rules need consent: nobody on the device can be asked",
			default: true,
		}),
		"download.direct": setting.boolean({
			description:
				"Downloads from SM-DP+ without the eIM, where rsp.ciCertificates is set and the eIM does not offer it",
			default: true,
		}),
		"download.indirect": setting.boolean({
			description: "Downloads through the eIM, where the eIM offers it",
			default: true,
		}),
		"download.confirmationCode": setting.secret({
			description: "Confirmation code for profiles that need one when the eIM sends none: no trigger carries it",
			optional: true,
		}),
		"download.attempts": setting.integer({
			description: "How often a direct download is tried when its server cannot be reached",
			min: 1,
			max: 100,
			default: 5,
		}),
		"rsp.ciCertificates": setting.path({
			description:
				"CI certificates that SM-DP+ and SM-DS have to lead to: a file (PEM), or a folder of .pem .crt .cer .der",
			optional: true,
			example: "ci",
		}),
		"rsp.encoding": setting.choice({
			description: "How messages to SM-DP+ and SM-DS are written",
			values: ["json", "asn1"],
			default: "json",
		}),
		"rsp.timeout": setting.duration({
			description: "Longest time for one exchange with an SM-DP+ or SM-DS",
			default: Seconds(60),
		}),
		"device.tac": setting.string({
			description: "Type Allocation Code of the device",
			pattern: /^[0-9]{8}$/,
			form: "8 digits",
			default: "00000000",
		}),
		"device.timeZone": setting.string({
			description: "Zone of local times, as in the IANA database",
			default: "UTC",
			example: "Europe/Berlin",
		}),
		"device.imei": setting.string({
			description: "IMEI of the device",
			pattern: /^[0-9]{15,16}$/,
			form: "15 or 16 digits",
			optional: true,
			example: "350000000000006",
		}),
		"log.level": setting.choice({ description: "Least level written to the log", values: LOG_LEVELS, default: "info" }),
	},
	{ prefix: "IPA" },
);

export type IpaConfig = Config<typeof ipaConfig>;

/** What IpaCapabilities says of each transport; CoAP over TLS and MQTT are none that the standard knows. */
const PROTOCOLS: Readonly<Record<string, readonly IpaProtocol[]>> = {
	https: ["ipaRetrieveHttps"],
	coap: ["ipaRetrieveCoaps"],
	"coaps+tcp": ["ipaProprietary"],
	mqtt: ["ipaProprietary"],
};

/** What carries messages to eIMs, as configured. */
function transportsOf(config: IpaConfig): readonly string[] {
	const links = config["eim.links"].map((text) => text.split("=", 1).join());
	return links.length > 0 ? links : [config["eim.transport"]];
}

/**
 * The settings of the agent; `duty` is what the card's driver suggests, `transports` are the links that can work here.
 */
export function settingsOf(
	config: IpaConfig,
	duty: ProactiveDuty,
	transports: readonly string[] = transportsOf(config),
): IpaSettings {
	const proactive = config["card.proactive"];
	return {
		card: {
			isdrAid: config["card.isdrAid"],
			channel: config["card.channel"],
			blockSize: config["card.blockSize"],
			storeDataWithLe: config["card.storeDataWithLe"],
			proactive: proactive === "modem" || proactive === "agent" ? proactive : duty,
		},
		procedures: {
			refreshDelay: config["card.refreshDelay"],
			refreshTimeout: config["card.refreshTimeout"],
			rollbackAfter: config["rollback.after"],
			deliveryRetry: config["rollback.deliveryRetry"],
			rollbackAttempts: config["rollback.attempts"],
			immediateEnable: config["download.immediateEnable"],
			minimizeBytes: config["esipa.minimizeBytes"],
			protocols: [
				...transports.flatMap((transport) => PROTOCOLS[transport] ?? []),
				...(config["inject.coapListen"] === undefined ? [] : (["ipaInjectCoaps"] as const)),
			],
			takesPackages: config["inject.listen"] !== undefined,
			consentGranted: config["download.consentGranted"],
			directDownload: config["download.direct"],
			indirectDownload: config["download.indirect"],
			confirmationCode: config["download.confirmationCode"]?.reveal(),
			downloadAttempts: config["download.attempts"],
			downloadOnMetered: config["download.onMetered"],
			deviceInfo: {
				tac: fromHex(config["device.tac"]),
				deviceCapabilities: {},
				...(config["device.imei"] === undefined ? {} : { imei: imeiOctets(config["device.imei"]) }),
			},
		},
		eimId: config["eim.id"],
		eimDialect: config["eim.dialect"] as EimDialect,
		pollInterval: config["poll.interval"],
		meteredInterval: config["poll.meteredInterval"],
		jitter: config["poll.jitter"],
		quietHours: quietHoursOf(config["poll.quietHours"]),
		timeZone: timeZoneOf(config["device.timeZone"]),
		...(config["poll.onNetworkChange"] ? { pollAfterNetworkChange: config["poll.networkSettles"] } : {}),
		fallback: {
			isEnabled: config["fallback.enabled"],
			after: config["fallback.after"],
			attempts: config["fallback.attempts"],
			returnAfter: config["fallback.returnAfter"],
			returnAtMost: config["fallback.returnAtMost"],
		},
		retryAfter: config["poll.retryAfter"],
		retryAtMost: config["poll.retryAtMost"],
		packagesInOneGo: config["poll.packagesInOneGo"],
	};
}

/** Eight octets, digits swapped in each, F as filler (SGP.22 DeviceInfo). */
export function imeiOctets(digits: string): Uint8Array {
	const padded = digits.padEnd(16, "F");
	return fromHex(padded.replace(/(.)(.)/g, "$2$1"));
}

function quietHoursOf(texts: readonly string[]): readonly QuietWindow[] {
	return texts.map((text) => {
		const window = parseQuietWindow(text);
		if (window !== undefined) return window;
		throw new ConfigError("CONFIG_VALUE_INVALID", `poll.quietHours: "${text}" is not a part of a day, as 22:00-06:00`);
	});
}

function timeZoneOf(name: string): string {
	try {
		new Intl.DateTimeFormat("en-GB", { timeZone: name });
		return name;
	} catch (cause) {
		throw new ConfigError("CONFIG_VALUE_INVALID", `device.timeZone: "${name}" is no time zone, as Europe/Berlin`, {
			cause,
		});
	}
}
