import type { Clock } from "../../../runtime/clock.ts";
import type { Duration } from "../../../util/duration.ts";
import type { DatagramPath, ProvenPeer } from "../../datagram.ts";
import type { ClientIdentity, TlsTrust } from "../../http/trust.ts";
import type { DtlsSessionStore } from "./session-store.ts";
import type { DatagramNetwork } from "./udp-socket.ts";

/** Whom an end trusts by certificate or raw public key; `none` asks for neither. */
export type DtlsTrust =
	| TlsTrust
	| {
			readonly kind: "asked";
			/** Chains are not verified before. Called within the handshake, so it must answer at once. */
			readonly isTrusted: (peer: ProvenPeer) => boolean;
			/** `isTrusted` takes keys that anybody can make: they give their sessions no room of their own. */
			readonly takesAnyKey?: boolean;
	  };

/** Cipher suites by their name in RFC 5289, 5487, 6655 and 7251, with the name that OpenSSL gives them. */
export const DTLS_CIPHER_SUITES = {
	TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: "ECDHE-ECDSA-AES128-CCM8",
	TLS_ECDHE_ECDSA_WITH_AES_128_CCM: "ECDHE-ECDSA-AES128-CCM",
	TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
	TLS_PSK_WITH_AES_128_CCM_8: "PSK-AES128-CCM8",
	TLS_PSK_WITH_AES_128_CCM: "PSK-AES128-CCM",
	TLS_PSK_WITH_AES_128_GCM_SHA256: "PSK-AES128-GCM-SHA256",
} as const;

export type DtlsCipherSuite = keyof typeof DTLS_CIPHER_SUITES;

/** What both ends of a session are configured with. */
export interface DtlsOptions {
	readonly clock: Clock;
	/** Whom to trust; with `none` a client needs a pre-shared key, and a server asks for no certificate. */
	readonly trust: DtlsTrust;
	/** Own certificate chain and key, PEM. With `rawPublicKeys` the chain may be empty. */
	readonly identity?: ClientIdentity;
	/** RFC 7250 in place of certificates, on both ends; with trust `pinned` or `asked`. */
	readonly rawPublicKeys?: boolean;
	/** In order of preference of the client; all that the credentials allow when absent, CCM-8 first. */
	readonly cipherSuites?: readonly DtlsCipherSuite[];
	/** Largest UDP payload in octets, by default 1232: IPv6's smallest MTU. */
	readonly mtu?: number;
	/** First time that a lost flight is sent again, doubled each time; by default 1 s. RFC 7925 section 11 has 9 s. */
	readonly firstRetransmit?: Duration;
	/** By default 60 s. */
	readonly longestRetransmit?: Duration;
	/** A handshake not done by then is given up; by default 2 minutes. */
	readonly handshakeTimeout?: Duration;
	/** LAB ONLY: gets lines of an NSS key log, with which a capture can be decrypted. */
	readonly labKeyLog?: (line: string) => void;
	/** By default this machine's UDP. */
	readonly network?: DatagramNetwork;
}

export interface DtlsServerOptions extends DtlsOptions {
	readonly host: string;
	readonly port: number;
	/** The key of an identity, 4 to 256 octets; undefined refuses it. Called within the handshake. */
	readonly keyOf?: (identity: string) => Uint8Array | undefined;
	/**
	 * Handshakes under way whose peers have proven their address; by default 1,000. When all are taken, a hello goes
	 * unanswered until one is done; where more than half are of one host, its newest gives way to another host's.
	 */
	readonly maxHandshakes?: number;
	/**
	 * Open sessions, 50 KB each with a pre-shared key and 70 KB with two certificates; by default 10,000. The
	 * one silent for longest makes room for a new one: of all, or of the one proven peer, or the one host of peers that have
	 * proven nothing, that has more than half of them.
	 */
	readonly maxSessions?: number;
	/**
	 * A session silent for so long is dropped without a word, which would only wake the device; by default 1 hour. One that
	 * has never carried a datagram is dropped after `handshakeTimeout`.
	 */
	readonly idleTimeout?: Duration;
	/** Sessions that can be resumed; by default in memory, for 1 day, at most 50,000. `false` keeps none. */
	readonly sessions?: DtlsSessionStore | false;
	/** Told about handshakes that fail, for logs. */
	readonly onHandshakeFailed?: (remoteAddress: string, error: Error) => void;
}

export interface DtlsClientOptions extends DtlsOptions {
	/** Where to connect to. */
	readonly host: string;
	readonly port: number;
	/** Own address; any by default. */
	readonly local?: { readonly host: string; readonly port: number };
	/** The name that the server's certificate must be issued for, where `trust` looks at names; `host` by default. */
	readonly serverName?: string;
	readonly key?: { readonly identity: string; readonly key: Uint8Array };
	/** `session` of an earlier path to this server: saves the proofs, and most octets. */
	readonly session?: Uint8Array;
	readonly signal?: AbortSignal;
}

/** A path with a DTLS session. */
export interface DtlsPath extends DatagramPath {
	readonly proven: ProvenPeer;
	readonly cipherSuite: DtlsCipherSuite;
	readonly isResumed: boolean;
}

export interface DtlsClientPath extends DtlsPath {
	/**
	 * Resumes this session later, from any address; undefined when the server keeps none. It holds the master secret:
	 * to be kept as a private key is.
	 */
	readonly session: Uint8Array | undefined;
	/** Ends the path without a word to the server, where it would not arrive or not be understood. */
	abandon(): void;
}
