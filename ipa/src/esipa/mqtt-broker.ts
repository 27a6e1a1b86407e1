import type { ClientIdentity, TlsTrust } from "@iot-esim/shared/transport/http/client";
import { mqttBroker } from "@iot-esim/shared/transport/mqtt/broker-client";
import type { MqttVersion } from "@iot-esim/shared/transport/mqtt/connection";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { Duration } from "@iot-esim/shared/util/duration";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";
import type { EsipaTarget } from "./http-link.ts";
import { type MqttLinkOptions, mqttLink } from "./mqtt.ts";

export interface BrokerLinkOptions extends Omit<MqttLinkOptions, "broker" | "open" | "eid"> {
	/** mqtt(s)://host[:port]; mqtts at the eIM's own name when absent. */
	readonly url: string | undefined;
	readonly version: MqttVersion;
	readonly keepalive: Duration;
	readonly username: string | undefined;
	readonly password: string | undefined;
	/** What is shown to a broker that asks for a certificate. */
	readonly identity: ClientIdentity | undefined;
	/** PEM certificates of CAs, for a broker with a name of its own. */
	readonly brokerCa: readonly string[];
	/** PEM certificates of CAs, for eIMs whose configuration on the card has no TLS key. */
	readonly fallbackCa: readonly string[];
	/** `name[:port]` → `host:port`. */
	readonly hosts: Readonly<Record<string, string>>;
	readonly proxy: string | undefined;
}

/** The largest packet that an eIM has reason to send: a profile package in pieces, and its topic. */
const LARGEST_PACKET = 600 * 1024;

/**
 * ESipa with an eIM through a broker. A broker under the eIM's own name is the eIM's server, and shows what the card's
 * configuration says; any other is known by its CA.
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING; TransportError TRANSPORT_OPTIONS_INVALID
 */
export function openBrokerLink(target: EsipaTarget, eidOctets: Uint8Array, options: BrokerLinkOptions): EsipaLink {
	const eid = toHex(eidOctets);
	const url = options.url ?? ownBroker(target);
	const { identity, password, proxy } = options;
	const username = options.username ?? (password === undefined ? undefined : eid);
	const open = mqttBroker({
		url,
		tls: trustOf(target, url, options),
		clientId: eid,
		...(identity === undefined ? {} : { identity }),
		...(username === undefined ? {} : { username }),
		...(password === undefined ? {} : { password }),
		...(proxy === undefined ? {} : { proxy }),
		version: options.version,
		keepalive: options.keepalive,
		timeout: options.timeout,
		largestPacket: LARGEST_PACKET,
		hosts: options.hosts,
		clock: options.clock,
	});
	const prefix = options.prefix.replaceAll("{eimId}", target.eimId);
	return mqttLink({ ...options, broker: url, open, eid, prefix });
}

function ownBroker(target: EsipaTarget): string {
	const host = hostOf(target);
	if (host !== undefined) return `mqtts://${host}`;
	const message = `the card's configuration of eIM "${target.eimId}" has no FQDN, and mqtt.url is not set`;
	throw new EsipaLinkError("IPA_EIM_ADDRESS_MISSING", message);
}

/** The FQDN without the port, which is that of HTTPS. */
function hostOf({ eimFqdn }: EsipaTarget): string | undefined {
	return eimFqdn === undefined || eimFqdn === "" ? undefined : eimFqdn.replace(/:\d+$/, "");
}

function trustOf(target: EsipaTarget, url: string, { brokerCa, fallbackCa }: BrokerLinkOptions): TlsTrust {
	const { protocol, hostname } = new URL(url);
	if (protocol === "mqtt:") return { kind: "none" };
	const { trustedTlsKey } = target;
	const isOwn = hostname === hostOf(target)?.toLowerCase();
	if (isOwn && trustedTlsKey !== undefined) {
		return "publicKey" in trustedTlsKey
			? { kind: "pinned", spki: trustedTlsKey.publicKey }
			: { kind: "pinned-certificate", der: trustedTlsKey.certificate };
	}
	const certificates = isOwn ? [...brokerCa, ...fallbackCa] : brokerCa;
	if (certificates.length > 0) return { kind: "ca", certificates };
	throw new EsipaLinkError("IPA_EIM_TRUST_MISSING", `nothing says how to know the broker ${url}: set mqtt.caFile`);
}
