import { toHex } from "../util/bytes.ts";
import { hostGroup } from "../util/host-group.ts";
import type { ProvenPeer } from "./datagram.ts";

/** Whose room a peer takes where it is shared: that of what it has proven to be, from wherever it comes, else its host's. */
export function peerOwner(host: string, { pskIdentity, publicKey, certificate }: ProvenPeer = {}): string {
	if (pskIdentity !== undefined) return `identity ${pskIdentity}`;
	const proof = publicKey ?? certificate;
	return proof === undefined ? `host ${hostGroup(host)}` : `key ${toHex(proof)}`;
}
