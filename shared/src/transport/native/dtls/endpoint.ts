import { X509Certificate } from "node:crypto";
import type { NativeEndpoint, NativeEndpointOptions, NativeHooks } from "./addon.ts";
import { requireAddon, requireRawPublicKeys } from "./dtls-available.ts";
import { DtlsError } from "./errors.ts";
import { DTLS_CIPHER_SUITES, type DtlsCipherSuite, type DtlsOptions, type DtlsTrust } from "./options.ts";
import type { DtlsSessionStore } from "./session-store.ts";
import { packSession, unpackSession } from "./stored-session.ts";
import { judgeOf, type TrustJudge } from "./trust-judge.ts";

/** The part of an end that differs between server and client. */
export interface EndpointRole {
	readonly isServer: boolean;
	readonly serverName: string | undefined;
	/** Own identity of a client with a pre-shared key. */
	readonly pskIdentity: string | undefined;
	readonly keyOf: ((identity: string) => Uint8Array | undefined) | undefined;
	readonly sessions: DtlsSessionStore | undefined;
}

export interface Endpoint {
	readonly native: NativeEndpoint;
	readonly judge: TrustJudge;
	/** Why the last peer was refused, taken once. */
	takeRefusal(): string | undefined;
	/** The identity whose pre-shared key the last call has brought into use, taken once. */
	takeIdentity(): string | undefined;
}

const MIN_MTU = 256;
const MAX_MTU = 16_384;

/** @throws DtlsError DTLS_ADDON_MISSING, DTLS_FEATURE_MISSING, DTLS_OPTIONS_INVALID */
export function createEndpoint(options: DtlsOptions, role: EndpointRole): Endpoint {
	const addon = requireAddon();
	const judge = judgeOf(options.trust, role.serverName);
	const native = nativeOptions(options, role);
	let refusal: string | undefined;
	let keyed: string | undefined;
	/** What throws in there is a refusal, and its words are the reason. */
	const ask = <T>(what: string, question: () => T): T | undefined => {
		try {
			return question();
		} catch (error) {
			refusal = `${what}: ${error instanceof Error ? error.message : String(error)}`;
			return undefined;
		}
	};
	const hooks: NativeHooks = {
		trust: (certificate, publicKey, chainError) =>
			ask("it could not be judged", () => {
				refusal = judge({ publicKey, ...(certificate === undefined ? {} : { certificate }) }, chainError);
				return refusal === undefined;
			}) ?? false,
		keyOf: (identity) => {
			const shown = shownIdentity(identity);
			refusal = `the identity "${shown}" has no key here`;
			const key = ask(`the key of "${shown}" could not be found out`, () => role.keyOf?.(identity));
			if (key !== undefined) refusal = undefined;
			keyed = shown;
			return key;
		},
		keepSession: (id, session, identity, digest) => {
			const key = identity === undefined || digest === undefined ? undefined : { identity, digest };
			role.sessions?.keep(id, packSession(session, key));
		},
		findSession: (id) => {
			const kept = role.sessions?.find(id);
			return kept && unpackSession(kept, role.keyOf);
		},
		logKey: (line) => options.labKeyLog?.(line),
	};
	const takeRefusal = () => {
		const taken = refusal;
		refusal = undefined;
		return taken;
	};
	const takeIdentity = () => {
		const taken = keyed;
		keyed = undefined;
		return taken;
	};
	try {
		return { native: addon.createEndpoint(native, hooks), judge, takeRefusal, takeIdentity };
	} catch (cause) {
		throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
	}
}

/** What a peer calls itself, as it may stand in logs: one line, and no longer than EIDs and names of devices are. */
function shownIdentity(identity: string): string {
	const plain = identity.replace(/[^\x20-\x7E]/g, "?");
	return plain.length > 64 ? `${plain.slice(0, 64)}...` : plain;
}

function nativeOptions(options: DtlsOptions, role: EndpointRole): NativeEndpointOptions {
	const { trust, identity } = options;
	const rawPublicKeys = options.rawPublicKeys ?? false;
	checkCredentials(options, role);
	const mtu = options.mtu ?? 1232;
	if (!(mtu >= MIN_MTU && mtu <= MAX_MTU)) throw invalid(`an MTU of ${mtu} is not between ${MIN_MTU} and ${MAX_MTU}`);
	return {
		isServer: role.isServer,
		certificates: identity?.certificate ?? "",
		privateKey: identity?.key ?? "",
		trusted: rawPublicKeys ? "" : trusted(trust),
		cipherSuites: suites(options, role).join(":"),
		asksCertificate: trust.kind !== "none",
		rawPublicKeys,
		hasKeys: role.keyOf !== undefined,
		identity: role.pskIdentity ?? "",
		logsKeys: options.labKeyLog !== undefined,
		keepsSessions: role.sessions !== undefined,
		mtu,
		firstRetransmitMs: options.firstRetransmit ?? 1_000,
		longestRetransmitMs: options.longestRetransmit ?? 60_000,
	};
}

function checkCredentials({ trust, identity, rawPublicKeys }: DtlsOptions, role: EndpointRole): void {
	const provesByKey = role.keyOf !== undefined;
	if (role.isServer && identity === undefined && !provesByKey) {
		throw invalid("the server has neither a certificate nor pre-shared keys, so it can prove itself to nobody");
	}
	if (!role.isServer && trust.kind === "none" && !provesByKey) {
		throw invalid("the client has neither somebody to trust nor a pre-shared key, so it can believe no server");
	}
	if (!rawPublicKeys) return;
	// A server may show its own and ask for none.
	if (trust.kind !== "pinned" && trust.kind !== "asked" && !(role.isServer && trust.kind === "none")) {
		throw invalid("raw public keys have no issuer: trust must be a pinned key or be asked for");
	}
	requireRawPublicKeys();
}

/** OpenSSL's names of the suites that the credentials allow. */
function suites({ trust, identity, cipherSuites }: DtlsOptions, role: EndpointRole): string[] {
	const hasCertificates = role.isServer ? identity !== undefined : trust.kind !== "none";
	const all = Object.keys(DTLS_CIPHER_SUITES) as DtlsCipherSuite[];
	const usable = all.filter((name) => (name.startsWith("TLS_PSK_") ? role.keyOf !== undefined : hasCertificates));
	const chosen = (cipherSuites ?? usable).filter((name) => usable.includes(name));
	if (chosen.length === 0) throw invalid("none of the cipher suites fits the credentials given");
	return chosen.map((name) => DTLS_CIPHER_SUITES[name]);
}

function trusted(trust: DtlsTrust): string {
	if (trust.kind === "ca") {
		if (trust.certificates.length === 0) throw invalid("trust of kind ca names no certificate, so it trusts nobody");
		return trust.certificates.join("\n");
	}
	if (trust.kind !== "pinned-certificate") return "";
	try {
		return new X509Certificate(trust.der).toString();
	} catch (cause) {
		throw invalid("the pinned certificate cannot be read", cause);
	}
}

function invalid(message: string, cause?: unknown): DtlsError {
	return new DtlsError("DTLS_OPTIONS_INVALID", message, { cause });
}
