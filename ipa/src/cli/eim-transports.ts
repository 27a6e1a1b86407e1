import { createPrivateKey } from "node:crypto";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { exponentWithin } from "@iot-esim/shared/transport/coap/block";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import type { ClientIdentity } from "@iot-esim/shared/transport/http/trust";
import { requireRawPublicKeys } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { DTLS_CIPHER_SUITES, type DtlsCipherSuite } from "@iot-esim/shared/transport/native/dtls/options";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import type { IpaConfig } from "../config.ts";
import type { CoapPresenceOptions } from "../esipa/coap-presence.ts";
import { type CoapTargetOptions, coapDtlsLink, coapTlsLink } from "../esipa/coap-targets.ts";
import type { EsipaLink } from "../esipa/esipa-link.ts";
import { httpAsn1Link } from "../esipa/http-asn1.ts";
import { httpJsonLink } from "../esipa/http-json.ts";
import type { EsipaTarget } from "../esipa/http-link.ts";
import { openBrokerLink } from "../esipa/mqtt-broker.ts";
import { identityFiles, RenewedIdentity, readIdentity } from "./device-identity.ts";
import { IpaCliError } from "./errors.ts";
import { trustedCertificates } from "./trusted-certificates.ts";

/** What a link may tell the agent of by itself. */
export interface LinkEvents {
	/** A TransferEimPackageRequest of the eIM of this link; its answer. */
	readonly transfer: (message: Uint8Array) => Promise<Uint8Array>;
	/** The eIM has something for the device. */
	readonly pollSoon: () => void;
}

export type LinkMaker = (target: EsipaTarget, eid: Uint8Array, events: LinkEvents) => EsipaLink;

export interface LinkEffects {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	/** PEM, of eim.caFile. */
	readonly fallbackCa: readonly string[];
	/** Of `coap.keyLog`. */
	readonly labKeyLog?: LabKeyLog | undefined;
}

/** What carries messages to eIMs, by the names of eim.transport. */
const transports: Readonly<Record<string, (config: IpaConfig, effects: LinkEffects) => LinkMaker>> = {
	https: httpsLinks,
	coap: coapLinks,
	"coaps+tcp": coapTlsLinks,
	mqtt: mqttLinks,
};

/** The names of all links that there are. */
export const TRANSPORTS: readonly string[] = Object.keys(transports);

/**
 * Makes links to eIMs over eim.transport.
 * @throws IpaCliError IPA_SETTING_INVALID, IPA_FILE_INVALID
 */
export function linkMaker(config: IpaConfig, effects: LinkEffects): LinkMaker {
	return makerOf(config["eim.transport"], config, effects);
}

/** The same over a transport of this name. */
export function makerOf(transport: string, config: IpaConfig, effects: LinkEffects): LinkMaker {
	return (transports[transport] ?? httpsLinks)(config, effects);
}

function httpsLinks(config: IpaConfig, { clock, fallbackCa }: LinkEffects): LinkMaker {
	const linkTo = bindingChoice(config);
	const { proxy } = config;
	return (target) =>
		linkTo(target.eimId)(target, {
			clock,
			timeout: config["eim.timeout"],
			hosts: config.hosts,
			fallbackCa,
			adminProtocol: config["eim.adminProtocol"],
			...(proxy === undefined ? {} : { proxy }),
		});
}

/** The link of the binding to speak with an eIM over HTTPS. */
function bindingChoice(config: IpaConfig): (eimId: string) => typeof httpJsonLink {
	const links: Readonly<Record<string, typeof httpJsonLink>> = { asn1: httpAsn1Link, json: httpJsonLink };
	const { "eim.binding": usual, "eim.bindings": bindings } = config;
	for (const [eimId, binding] of Object.entries(bindings)) {
		if (Object.hasOwn(links, binding)) continue;
		throw new IpaCliError("IPA_SETTING_INVALID", `eim.bindings: "${binding}" of ${eimId} is neither asn1 nor json`);
	}
	return (eimId) => links[bindings[eimId] ?? usual] ?? httpAsn1Link;
}

function coapLinks(config: IpaConfig, effects: LinkEffects): LinkMaker {
	const options = {
		...coapOptions(config, effects),
		blockExponent: exponentWithin(config["coap.blockSize"]),
		cipherSuites: cipherSuitesOf(config["coap.cipherSuites"]),
		firstRetransmit: config["coap.dtlsRetransmit"],
	};
	const key = config["coap.pskKey"] && keyOctets(config["coap.pskKey"].reveal());
	const pskIdentity = config["coap.pskIdentity"];
	const rawPublicKeys = config["coap.rawPublicKeys"];
	if (rawPublicKeys && key !== undefined) {
		throw new IpaCliError("IPA_SETTING_INVALID", "coap.rawPublicKeys and coap.pskKey: DTLS takes one of them");
	}
	if (rawPublicKeys) requireRawPublicKeys();
	const own = key === undefined ? coapIdentity(config, effects, rawPublicKeys) : undefined;
	if (own !== undefined) requireDtlsKey(config["coap.key"], own.current());
	return (target, eid, events) =>
		coapDtlsLink(target, {
			...options,
			key: key && { identity: pskIdentity ?? toHex(eid), key },
			identity: own && (() => own.current()),
			rawPublicKeys,
			presence: presenceOf(config, effects, eid, events),
		});
}

function coapTlsLinks(config: IpaConfig, effects: LinkEffects): LinkMaker {
	const { proxy } = config;
	const own = coapIdentity(config, effects);
	const identity = own && (() => own.current());
	return (target, eid, events) => {
		const presence = presenceOf(config, effects, eid, events);
		return coapTlsLink(target, { ...coapOptions(config, effects), proxy, identity, presence });
	};
}

function coapIdentity(config: IpaConfig, { logger }: LinkEffects, isRawKey = false): RenewedIdentity | undefined {
	const { "coap.certificate": certificate, "coap.key": key } = config;
	const keyAlone = key === undefined ? undefined : { link: "coap", key };
	const files = isRawKey ? keyAlone : identityFiles("coap", certificate, key);
	return files && new RenewedIdentity(files, logger("ipa.coap"));
}

/** As Node names them; the suites of DTLS are those of ECDHE with ECDSA. */
const DTLS_CURVES: readonly string[] = ["prime256v1", "brainpoolP256r1"];

function requireDtlsKey(file: string | undefined, { key }: ClientIdentity): void {
	const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(key);
	const curve = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType ?? "";
	if (DTLS_CURVES.includes(curve)) return;
	const message = `coap.key ${file} holds a key of ${curve}: DTLS takes those on P-256 or brainpoolP256r1`;
	throw new IpaCliError("IPA_FILE_INVALID", message);
}

function presenceOf(
	config: IpaConfig,
	{ logger }: LinkEffects,
	eid: Uint8Array,
	{ pollSoon }: LinkEvents,
): CoapPresenceOptions | undefined {
	if (!config["coap.stay"]) return undefined;
	return { eid: toHex(eid), onHint: pollSoon, keepalive: config["coap.keepalive"], log: logger("ipa.coap") };
}

/** Largest answer of an eIM: a piece of a profile package, or what a card has to be told. */
const LARGEST_COAP_ANSWER = 256 * 1024;

function coapOptions(config: IpaConfig, { clock, random, fallbackCa, labKeyLog }: LinkEffects): CoapTargetOptions {
	return {
		clock,
		random,
		fallbackCa,
		labKeyLog,
		hosts: config.hosts,
		timeout: config["eim.timeout"],
		idle: config["coap.idle"],
		port: config["coap.port"],
		path: config["coap.path"].split("/"),
		maxBody: LARGEST_COAP_ANSWER,
	};
}

function cipherSuitesOf(names: readonly string[]): readonly DtlsCipherSuite[] {
	return names.map((name) => {
		if (Object.hasOwn(DTLS_CIPHER_SUITES, name)) return name as DtlsCipherSuite;
		const known = Object.keys(DTLS_CIPHER_SUITES).join(", ");
		throw new IpaCliError("IPA_SETTING_INVALID", `coap.cipherSuites: "${name}" is none of ${known}`);
	});
}

function keyOctets(text: string): Uint8Array {
	if (/^([0-9A-Fa-f]{2}){4,256}$/.test(text)) return fromHex(text);
	throw new IpaCliError("IPA_SETTING_INVALID", "coap.pskKey is not a key of 4 to 256 octets in hex");
}

function mqttLinks(config: IpaConfig, effects: LinkEffects): LinkMaker {
	const { fallbackCa, clock, random, logger } = effects;
	const files = identityFiles("mqtt", config["mqtt.certificate"], config["mqtt.key"]);
	const identity = files && readIdentity(files);
	const brokerCa = trustedCertificates("mqtt.caFile", config["mqtt.caFile"]);
	return (target, eid, { transfer, pollSoon }) =>
		openBrokerLink(target, eid, {
			url: config["mqtt.url"],
			version: config["mqtt.version"] as "5" | "3.1.1",
			prefix: config["mqtt.prefix"],
			qos: config["mqtt.qos"] === 0 ? 0 : 1,
			keepalive: config["mqtt.keepalive"],
			idle: config["mqtt.idle"],
			hintInterval: config["mqtt.hintInterval"],
			username: config["mqtt.username"],
			password: config["mqtt.password"]?.reveal(),
			identity,
			brokerCa,
			fallbackCa,
			timeout: config["eim.timeout"],
			hosts: config.hosts,
			proxy: config.proxy,
			onHint: pollSoon,
			onTransfer: config["mqtt.takesPackages"] ? transfer : undefined,
			clock,
			random,
			log: logger("ipa.mqtt"),
		});
}
