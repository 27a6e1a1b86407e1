import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import type { LabKeyLog } from "@iot-esim/shared/transport/coap/lab-key-log";
import { COAPS_PORT, connectCoapTls } from "@iot-esim/shared/transport/coap/tls";
import { mappedAddress } from "@iot-esim/shared/transport/http/connect";
import { TlsSessions } from "@iot-esim/shared/transport/http/tls-sessions";
import type { ClientIdentity, TlsTrust } from "@iot-esim/shared/transport/http/trust";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { requireAddon } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import type { DtlsCipherSuite } from "@iot-esim/shared/transport/native/dtls/options";
import type { DatagramNetwork } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { type HostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import type { Duration } from "@iot-esim/shared/util/duration";
import { type CoapLinkOptions, coapLink } from "./coap-link.ts";
import { eimKeyTrust, eimTrust } from "./eim-trust.ts";
import { EsipaLinkError } from "./errors.ts";
import type { EsipaLink } from "./esipa-link.ts";
import type { EsipaTarget } from "./http-link.ts";

/** What the device says of its links over CoAP, whatever carries them. */
export interface CoapTargetOptions extends Pick<CoapLinkOptions, "timeout" | "idle" | "clock" | "path" | "presence"> {
	readonly random: RandomSource;
	/** Where the eIM's name is served over CoAP; 5684 when absent. */
	readonly port?: number | undefined;
	/** `name[:port]` → `host:port`. */
	readonly hosts?: Readonly<Record<string, string>>;
	/** PEM certificates of CAs, for eIMs whose configuration on the card has no TLS key. */
	readonly fallbackCa?: readonly string[];
	/**
	 * What the device shows to an eIM that asks for its certificate, at each session anew; another object when it has
	 * become another one: what was opened with the former one is not resumed.
	 */
	readonly identity?: (() => ClientIdentity) | undefined;
	/** Largest answer of an eIM. */
	readonly maxBody: number;
	readonly labKeyLog?: LabKeyLog | undefined;
}

export interface CoapDtlsOptions extends CoapTargetOptions {
	/** Largest block, as its exponent: 6 for 1024 octets. */
	readonly blockExponent: number;
	readonly cipherSuites?: readonly DtlsCipherSuite[];
	/** The device's own key with the eIM, in place of certificates. */
	readonly key?: { readonly identity: string; readonly key: Uint8Array } | undefined;
	/** RFC 7250 in place of certificates, at both ends; the key in `identity` is then enough. */
	readonly rawPublicKeys?: boolean;
	/** Of a lost flight of the handshake; by default 1 s. */
	readonly firstRetransmit?: Duration;
	/** By default UDP of this machine. */
	readonly network?: DatagramNetwork;
}

/**
 * ESipa over CoAP and DTLS. A session that was lost is resumed.
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING; DtlsError DTLS_ADDON_MISSING
 */
export function coapDtlsLink(target: EsipaTarget, options: CoapDtlsOptions): EsipaLink {
	requireAddon();
	const { clock, random, timeout, key, cipherSuites, blockExponent, maxBody, hosts = {}, labKeyLog } = options;
	const name = addressOf(target, options);
	const trust = dtlsTrust(target, options);
	let shown: ClientIdentity | undefined;
	let resumable: Uint8Array | undefined;
	return coapLink({
		...options,
		name: `coaps://${printHostPort(name)}`,
		open: async (signal) => {
			const identity = options.identity?.();
			if (identity !== shown) resumable = undefined;
			shown = identity;
			const path = await connectDtls({
				...mappedAddress(hosts, name),
				clock,
				trust,
				serverName: name.host,
				handshakeTimeout: timeout,
				signal,
				...(labKeyLog && { labKeyLog }),
				...(key === undefined ? {} : { key }),
				...(identity === undefined ? {} : { identity }),
				...(options.rawPublicKeys ? { rawPublicKeys: true } : {}),
				...(options.network === undefined ? {} : { network: options.network }),
				...(options.firstRetransmit === undefined ? {} : { firstRetransmit: options.firstRetransmit }),
				...(cipherSuites === undefined || cipherSuites.length === 0 ? {} : { cipherSuites }),
				...(resumable === undefined ? {} : { session: resumable }),
			});
			resumable = path.session;
			const channel = new DatagramChannel(path, { clock, random, blockExponent });
			const endpoint = new CoapEndpoint(channel, { clock, random, responseTimeout: timeout, maxBody });
			return Object.assign(endpoint, { abandon: () => path.abandon() });
		},
	});
}

function dtlsTrust(target: EsipaTarget, { key, fallbackCa, rawPublicKeys }: CoapDtlsOptions): TlsTrust {
	if (key !== undefined) return { kind: "none" };
	return rawPublicKeys ? eimKeyTrust(target) : eimTrust(target, fallbackCa ?? []);
}

export interface CoapTlsOptions extends CoapTargetOptions {
	/** "http://host:port": the device's only way out, when its modem is a proxy. */
	readonly proxy?: string | undefined;
}

/**
 * ESipa over CoAP and TLS (coaps+tcp).
 * @throws EsipaLinkError IPA_EIM_ADDRESS_MISSING, IPA_EIM_TRUST_MISSING
 */
export function coapTlsLink(target: EsipaTarget, options: CoapTlsOptions): EsipaLink {
	const { clock, random, timeout, maxBody, hosts, proxy, labKeyLog } = options;
	const name = addressOf(target, options);
	const trust = eimTrust(target, options.fallbackCa ?? []);
	let shown: ClientIdentity | undefined;
	let sessions = new TlsSessions();
	return coapLink({
		...options,
		name: `coaps+tcp://${printHostPort(name)}`,
		open: async (signal) => {
			const identity = options.identity?.();
			if (identity !== shown) sessions = new TlsSessions();
			shown = identity;
			const channel = await connectCoapTls({
				...name,
				trust,
				sessions,
				clock,
				signal,
				maxMessage: maxBody + 1024,
				labKeyLog,
				...(hosts === undefined ? {} : { hosts }),
				...(proxy === undefined ? {} : { proxy }),
				...(identity === undefined ? {} : { identity }),
			});
			return new CoapEndpoint(channel, { clock, random, responseTimeout: timeout, maxBody });
		},
	});
}

/** The name of the eIM without the port, which is that of HTTPS. */
function addressOf({ eimId, eimFqdn }: EsipaTarget, { port = COAPS_PORT }: CoapTargetOptions): HostPort {
	if (eimFqdn !== undefined && eimFqdn !== "") return { host: eimFqdn.replace(/:\d+$/, ""), port };
	throw new EsipaLinkError("IPA_EIM_ADDRESS_MISSING", `the card's configuration of eIM "${eimId}" has no FQDN`);
}
