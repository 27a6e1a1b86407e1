import { type Config, defineConfig, setting } from "@iot-esim/shared/runtime/config";
import { LOG_LEVELS } from "@iot-esim/shared/runtime/logger";
import { Days, Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { coapSettings } from "./coap-settings.ts";
import { lwm2mSettings } from "./lwm2m-settings.ts";
import { mqttSettings } from "./mqtt-settings.ts";
import { wakeSettings } from "./wake-settings.ts";

const ADDRESS = {
	pattern: /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/,
	form: "a name with an optional :port",
};
const PORT = { min: 0, max: 65_535 };

/** Every setting of the eIM; `eim config template` prints them with their defaults. */
export const eimConfig = defineConfig(
	{
		dataFolder: setting.path({
			description: "Folder of keys, certificates and the embedded database; made at first start",
			default: "eim-data",
		}),
		"eim.fqdn": setting.string({
			...ADDRESS,
			description:
				"Name under which devices reach this eIM; goes to cards. Without a port, that of esipa.port is told unless 443",
			default: "localhost",
		}),
		"eim.id": setting.string({
			description: "eimId in packages and on cards; the name of eim.fqdn when absent",
			optional: true,
			example: "eim.example.com",
		}),
		"eim.idType": setting.choice({
			description: "What kind of name eim.id is",
			values: ["oid", "fqdn", "proprietary"],
			default: "fqdn",
		}),
		"esipa.host": setting.string({ description: "Address that devices connect to (HTTPS)", default: "0.0.0.0" }),
		"esipa.port": setting.integer({ ...PORT, description: "Port for devices; 0 takes any free one", default: 8443 }),
		"esipa.maxConnections": setting.integer({
			description: "Connections of devices at once; nobody proves who he is here, so strangers may hold some",
			min: 1,
			max: 1_000_000,
			default: 10_000,
		}),
		"esipa.associationToken": setting.choice({
			description: "Whether a card shall make an association token when this eIM is added to it",
			values: ["card", "none"],
			default: "card",
		}),
		"esipa.enrolment": setting.list({
			description: "EIDs that register themselves by polling; none by default",
			fields: {
				from: setting.string({ description: "First digits of the first EID", pattern: /^\d{1,32}$/, form: "digits" }),
				to: setting.string({ description: "First digits of the last EID", pattern: /^\d{1,32}$/, form: "digits" }),
			},
			default: [],
			example: [{ from: "89049032", to: "89049033" }],
		}),
		"esipa.seenUnknown": setting.integer({
			description: "How many EIDs that polled without being registered are remembered",
			min: 0,
			max: 100_000,
			default: 1000,
		}),
		"api.host": setting.string({ description: "Address that operators connect to", default: "127.0.0.1" }),
		"api.port": setting.integer({ ...PORT, description: "Port of the API; 0 takes any free one", default: 8080 }),
		"api.tlsCertificate": setting.path({
			description: "Certificate chain (PEM) to serve the API over HTTPS; plain HTTP without it",
			optional: true,
			example: "api-certificate.pem",
		}),
		"api.tlsKey": setting.path({
			description: "Private key (PEM) of api.tlsCertificate",
			optional: true,
			example: "api-key.pem",
		}),
		"api.firstKey": setting.secret({
			description: "The first API key, when it shall not be made and printed at first start",
			optional: true,
		}),
		"api.requestsPerMinute": setting.integer({
			description: "Requests that one address may make in a minute",
			min: 1,
			max: 10_000_000,
			default: 6000,
		}),
		"api.streams": setting.integer({ description: "Event streams at once", min: 1, max: 10_000, default: 100 }),
		"api.streamHeartbeat": setting.duration({
			description: "Sign of life on an idle event stream; also how soon events of other replicas are seen",
			min: Seconds(1),
			max: Minutes(5),
			default: Seconds(10),
		}),
		"database.url": setting.secret({
			description: "postgres://...; without it (and without DATABASE_URL) the embedded database is used",
			optional: true,
		}),
		"database.file": setting.path({
			description: "File of the embedded database; eim.db in dataFolder when absent",
			optional: true,
			example: "eim.db",
		}),
		"database.connections": setting.integer({
			description: "Connections to PostgreSQL at most",
			min: 1,
			max: 500,
			default: 10,
		}),
		"keys.curve": setting.choice({
			description: "Curve of keys that are made at first start",
			values: ["P-256", "brainpoolP256r1"],
			default: "P-256",
		}),
		"keys.signingKey": setting.path({
			description: "Private key (PEM) that signs packages; made in dataFolder when absent",
			optional: true,
			example: "signing-key.pem",
		}),
		"keys.signingCertificate": setting.path({
			description: "Certificate of the signing key, told to cards instead of the bare key",
			optional: true,
			example: "signing-certificate.pem",
		}),
		"keys.formerSigningKeys": setting.paths({
			description:
				"Private keys (PEM) that cards may still know this eIM by, the latest first; until `eim key status` counts none",
			default: [],
			example: ["former-signing-key.pem"],
		}),
		"tls.key": setting.path({
			description: "Private key (PEM) of the server for devices; made in dataFolder when absent",
			optional: true,
			example: "tls-key.pem",
		}),
		"tls.certificate": setting.path({
			description: "Certificate chain (PEM) of tls.key",
			optional: true,
			example: "tls-certificate.pem",
		}),
		"tls.formerKey": setting.path({
			description: "Private key (PEM) of the server as devices know it that have not been told of tls.certificate yet",
			optional: true,
			example: "former-tls-key.pem",
		}),
		"tls.formerCertificate": setting.path({
			description: "Certificate chain (PEM) of tls.formerKey",
			optional: true,
			example: "former-tls-certificate.pem",
		}),
		"esipa.formerPort": setting.integer({
			...PORT,
			description: "Port under which those devices know this eIM; served with tls.formerCertificate",
			optional: true,
			example: 8443,
		}),
		"tls.pin": setting.choice({
			description:
				"What cards are told to trust: the server's key, its CA (last of the chain, or the one made here), or nothing",
			values: ["ca", "publicKey", "none"],
			default: "ca",
		}),
		"trust.folder": setting.path({
			description: "CI certificates (.pem .crt .cer .der) and revocation lists (.crl); trust in dataFolder when absent",
			optional: true,
			example: "trust",
		}),
		hosts: setting.map({
			description: "Where names are found instead of in the DNS: name[:port] to host:port",
			default: {},
			example: { "smdp.example.com": "127.0.0.1:8444" },
		}),
		"inject.timeout": setting.duration({
			description: "Longest wait for a device that a package was brought to (ESipa.TransferEimPackage)",
			min: Seconds(1),
			default: Seconds(30),
		}),
		...mqttSettings,
		...coapSettings,
		...lwm2mSettings,
		...wakeSettings,
		"es9plus.timeout": setting.duration({
			description: "Longest time for one exchange with an SM-DP+",
			min: Seconds(1),
			default: Seconds(30),
		}),
		"es9plus.allowedHosts": setting.strings({
			description:
				"SM-DP+ and SM-DS that are contacted, `*.example.com` for all below a name; any public name when empty. Private addresses only for what stands here or in hosts",
			default: [],
			example: ["smdp.example.com"],
		}),
		"es9plus.encoding": setting.choice({
			description: "How messages to SM-DP+ servers are written",
			values: ["json", "asn1"],
			default: "json",
		}),
		"es9plus.encodings": setting.map({
			description: "The same for single SM-DP+ servers: address to json or asn1",
			default: {},
			example: { "smdp.example.com": "asn1" },
		}),
		"smds.address": setting.string({
			...ADDRESS,
			description:
				"SM-DS that is asked for devices with SM-DS polling whose polling names none; the card's root SM-DS when absent",
			optional: true,
			example: "smds.example.com",
		}),
		"operations.expiry": setting.duration({
			description: "How long an operation waits for its result when the order does not say",
			min: Seconds(1),
			default: Days(7),
		}),
		"operations.offers": setting.integer({
			description:
				"How often a download or a question is given to a device in all when it fails without the eUICC's signature, or because the SM-DP+ could not be asked",
			min: 1,
			max: 10,
			default: 3,
		}),
		"operations.offerAgainAfter": setting.duration({
			description: "Time to the next offer of a download whose SM-DP+ could not be asked; doubles each time",
			min: Seconds(1),
			max: Hours(24),
			default: Minutes(1),
		}),
		"operations.ownLifetime": setting.duration({
			description: "How long the eIM goes on with what it asks for itself (certificates, lists)",
			min: Minutes(1),
			default: Days(30),
		}),
		"operations.kept": setting.duration({
			description:
				"How long operations that are over are kept, with their packages and results, and notifications after delivery",
			min: Days(1),
			default: Days(180),
		}),
		"sessions.lifetime": setting.duration({
			description: "How long a relayed download may last, its installation result included",
			min: Minutes(1),
			default: Hours(24),
		}),
		"download.profileClasses": setting.string({
			description: "Classes of profiles that are let onto devices, separated by commas",
			pattern: /^(operational|provisioning|test)(,(operational|provisioning|test))*$/,
			form: "a list out of operational, provisioning, test",
			default: "operational,provisioning,test",
		}),
		"download.largestMetadata": setting.integer({
			description: "Octets of a profile's metadata (name, icon, owner ...) at most",
			min: 32,
			max: 65_535,
			default: 8192,
		}),
		"download.consentGranted": setting.boolean({
			description: "Whether policy rules of a profile that need the end user's consent count as consented",
			default: true,
		}),
		"events.kept": setting.duration({ description: "How long events are kept", min: Hours(1), default: Days(90) }),
		"idempotency.kept": setting.duration({
			description: "How long a request may be repeated under its Idempotency-Key",
			min: Minutes(1),
			default: Days(2),
		}),
		"jobs.interval": setting.duration({
			description: "How soon due rows of other replicas are seen",
			min: Seconds(1),
			default: Seconds(5),
		}),
		"log.level": setting.choice({ description: "Least level written to the log", values: LOG_LEVELS, default: "info" }),
	},
	{ prefix: "EIM" },
);

export type EimConfig = Config<typeof eimConfig>;
