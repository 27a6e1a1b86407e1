import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import net from "node:net";
import { equalBytes } from "../../../util/bytes.ts";
import type { ProvenPeer } from "../../datagram.ts";
import { DtlsError } from "./errors.ts";
import type { DtlsTrust } from "./options.ts";

/** Says why a peer is not trusted, undefined when it is. `chainError` is undefined when its chain is good. */
export type TrustJudge = (peer: ProvenPeer, chainError: string | undefined) => string | undefined;

/**
 * @param serverName what the certificate must be issued for, where the trust looks at names; a server demands none
 * @throws DtlsError DTLS_OPTIONS_INVALID for a pin that cannot be read
 */
export function judgeOf(trust: DtlsTrust, serverName: string | undefined): TrustJudge {
	switch (trust.kind) {
		case "none":
			return () => "no certificate is trusted here";
		case "asked":
			return (peer) => (trust.isTrusted(peer) ? undefined : "it is not known here");
		case "ca":
			return (peer, chainError) => chainError ?? nameError(peer, serverName);
		case "pinned":
			return pinJudge(trust.spki);
		case "pinned-certificate":
			return (peer, chainError) => {
				if (peer.certificate !== undefined && equalBytes(peer.certificate, trust.der)) return undefined;
				const error = chainError ?? nameError(peer, serverName);
				return error && `its certificate is neither the pinned one nor issued under it: ${error}`;
			};
	}
}

function pinJudge(spki: Uint8Array): TrustJudge {
	const pinned = readKey(spki);
	if (pinned === undefined) {
		throw new DtlsError("DTLS_OPTIONS_INVALID", "the pinned key is not a SubjectPublicKeyInfo in DER");
	}
	return ({ publicKey }) => {
		if (publicKey !== undefined && readKey(publicKey)?.equals(pinned)) return undefined;
		return "its key is not the pinned one";
	};
}

function readKey(spki: Uint8Array): KeyObject | undefined {
	try {
		return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
	} catch {
		return undefined;
	}
}

function nameError({ certificate }: ProvenPeer, serverName: string | undefined): string | undefined {
	if (serverName === undefined) return undefined;
	if (certificate === undefined) return "a raw public key has no name";
	const received = new X509Certificate(certificate);
	const isFor = net.isIP(serverName) === 0 ? received.checkHost(serverName) : received.checkIP(serverName);
	if (isFor !== undefined) return undefined;
	return `its certificate was issued for ${received.subjectAltName ?? received.subject}, not for ${serverName}`;
}
