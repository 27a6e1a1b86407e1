import { type Config, defineConfig, setting } from "@iot-esim/shared/runtime/config";
import { LOG_LEVELS } from "@iot-esim/shared/runtime/logger";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";

const port = (description: string) =>
	setting.integer({ default: 0, min: 0, max: 65535, unit: "TCP port, 0 for any", description });

const PLMN = { pattern: /^\d{5,6}$/, form: "MCC and MNC, 5 or 6 digits" };

/** Settings of `sim-network`. */
export const networkConfig = defineConfig(
	{
		"listen.host": setting.string({
			default: "127.0.0.1",
			description: "Address on which every port below is opened.",
		}),
		"control.port": port(
			"Control face: status, events, place, coverage, power. Only for benches: it has no access control.",
		),
		"log.level": setting.choice({
			values: [...LOG_LEVELS] as const,
			default: "info",
			description: "Lowest level written to standard error.",
		}),
		"hss.smdpBench": setting.string({
			optional: true,
			pattern: /^http:\/\/[^/]+\/?$/,
			form: "http://host:port",
			description: "Bench face of the SM-DP+, where the HSS gets the keys of ordered profiles.",
			example: "http://127.0.0.1:8081",
		}),
		"hss.uppFiles": setting.paths({
			default: [],
			description:
				"Profile packages (UPP, DER) whose subscribers the HSS knows besides, such as the bootstrap profile.",
		}),
		"hss.stateFile": setting.path({
			optional: true,
			description: "Where the sequence numbers are kept; without it they live as long as the process.",
			example: "state/hss.json",
		}),
		"modem.pollInterval": setting.duration({
			default: Seconds(30),
			min: Milliseconds(100),
			description: "Time between two STATUS commands to the card, until the card asks for another.",
		}),
		"modem.searchInterval": setting.duration({
			default: Seconds(5),
			min: Milliseconds(50),
			description: "Pause between two searches for a network while not attached.",
		}),
		"modem.attachTime": setting.duration({
			default: Milliseconds(0),
			description: "Time that registration takes on the air, besides the card's own.",
		}),
		"modem.cardTimeout": setting.duration({
			default: Seconds(30),
			min: Milliseconds(100),
			description: "Longest wait for one answer of the card; after it the connection to the card is closed.",
		}),
		"proxy.allow": setting.strings({
			default: ["*"],
			description: "Destinations that devices and their cards may reach: host, host:port, *.domain or *.",
		}),
		hosts: setting.map({
			default: {},
			description:
				"Names of servers that are elsewhere on this machine, name[:port] to host:port; used by the proxy and for channels of cards.",
			example: { "eim.example.com": "127.0.0.1:8443" },
		}),
		"smsc.port": setting.integer({
			optional: true,
			min: 0,
			max: 65535,
			unit: "TCP port, 0 for any",
			description: "SMPP port of the SMSC, which brings short messages to devices with a number; none when absent.",
			example: 2775,
		}),
		"smsc.systemId": setting.string({ default: "eim", description: "Who may bind to the SMSC." }),
		"smsc.password": setting.secret({ optional: true, description: "Password of smsc.systemId; none when absent." }),
		"smsc.perSecond": setting.integer({
			optional: true,
			min: 1,
			description: "Messages of one binding in a second; more are throttled. No bound when absent.",
			example: 10,
		}),
		operators: setting.list({
			default: [],
			description: "Operators with radio; without any, every home network exists and nobody roams.",
			fields: {
				plmn: setting.string({ ...PLMN, description: "MCC and MNC." }),
				name: setting.string({ default: "", description: "For people." }),
				roaming: setting.strings({ default: [], description: "Beginnings of IMSIs that may roam here, or *." }),
			},
		}),
		"coverage.default": setting.boolean({
			default: true,
			description: "Whether there is coverage where no rule matches.",
		}),
		"coverage.rules": setting.list({
			default: [],
			description: "Coverage by operator, place and time; of all rules that match, the last one holds.",
			fields: {
				plmn: setting.string({ default: "*", description: "MCC and MNC, or *." }),
				place: setting.string({ default: "*", description: "Name of a place, or *." }),
				covered: setting.boolean({ description: "Whether the operator can be received." }),
				hours: setting.string({ optional: true, description: "Times of day (UTC), as 22:00-06:00." }),
				days: setting.strings({ default: [], description: "Days on which the hours begin, as mon,tue; none for all." }),
				from: setting.string({ optional: true, description: "First moment, ISO 8601." }),
				until: setting.string({ optional: true, description: "First moment after, ISO 8601." }),
			},
		}),
		devices: setting.list({
			default: [{ name: "device" }],
			description: "Devices: each a modem with a card, a place and a proxy that is its only way out.",
			fields: {
				name: setting.string({ pattern: /^[\w.-]+$/, form: "letters, digits, dot, dash", description: "Unique name." }),
				place: setting.string({ default: "home", description: "Where the device is at start." }),
				cardPort: port("vpcd port to which the card connects."),
				ipaPort: port("vpcd port to which the IPA connects."),
				ipaReader: setting.string({
					optional: true,
					pattern: /^[^\s]+:\d+$/,
					form: "host:port",
					description:
						"A vpcd daemon to which the modem offers the IPA's side besides, so that PC/SC programs reach it.",
				}),
				proxyPort: port("HTTP CONNECT proxy for the IPA."),
				udpPort: setting.integer({
					min: 0,
					max: 65_535,
					optional: true,
					description: "UDP port for datagrams of the IPA to udpTo, which pass while the device is attached.",
				}),
				udpTo: setting.string({
					optional: true,
					pattern: /^[^\s]+:\d+$/,
					form: "host:port",
					description: "Where datagrams to udpPort go; on the allow list, and found by hosts.",
				}),
				msisdn: setting.string({
					optional: true,
					pattern: /^[1-9]\d{5,14}$/,
					form: "digits in international form",
					description: "Number of the device, for short messages.",
				}),
				ipaWake: setting.path({
					optional: true,
					description: "Unix socket of the IPA (its wake.socket), which the device touches when a short message comes.",
				}),
				pin: setting.secret({ optional: true, description: "PIN of the USIM, where one is enabled." }),
			},
		}),
	},
	{ prefix: "SIM_NETWORK" },
);

export type NetworkConfig = Config<typeof networkConfig>;
