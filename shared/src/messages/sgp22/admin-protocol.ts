/** The header X-Admin-Protocol of SGP.22 section 6.1, which SGP.32 takes over. */

/** The newest RSP version that is spoken here; the version of a request is echoed when it is not newer. */
const NEWEST_PROTOCOL = [2, 5, 0] as const;

/**
 * The version to answer in: the peer's, or ours when the peer's is newer or not given. Peers of this field send anything
 * from v1.0.0 to v2.4.0, so no version is refused.
 */
export function adminProtocol(header: string | string[] | undefined): string {
	const text = Array.isArray(header) ? header[0] : header;
	const match = /^gsma\/rsp\/v(\d+)\.(\d+)\.(\d+)$/.exec(text?.trim() ?? "");
	const ours = `gsma/rsp/v${NEWEST_PROTOCOL.join(".")}`;
	if (match === null) return ours;
	const theirs = match.slice(1).map(Number);
	for (const [i, part] of NEWEST_PROTOCOL.entries()) {
		const other = theirs[i] ?? 0;
		if (other !== part) return other < part ? match[0] : ours;
	}
	return match[0];
}
