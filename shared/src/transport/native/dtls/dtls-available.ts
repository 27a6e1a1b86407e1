import { type DtlsFeatures, loadAddon, type NativeAddon } from "./addon.ts";
import { DtlsError } from "./errors.ts";

export type DtlsAvailability =
	| { readonly available: true; readonly features: DtlsFeatures }
	| { readonly available: false; readonly reason: string };

/** Whether this machine can speak DTLS, and what is missing otherwise. */
export function dtlsAvailable(): DtlsAvailability {
	const loaded = loadAddon();
	return "addon" in loaded
		? { available: true, features: loaded.addon.features() }
		: { available: false, reason: loaded.reason };
}

/** @throws DtlsError DTLS_ADDON_MISSING */
export function requireAddon(): NativeAddon {
	const loaded = loadAddon();
	if ("addon" in loaded) return loaded.addon;
	throw new DtlsError("DTLS_ADDON_MISSING", `DTLS is not available: ${loaded.reason}`);
}

/** @throws DtlsError DTLS_FEATURE_MISSING, DTLS_ADDON_MISSING */
export function requireRawPublicKeys(): void {
	const { rawPublicKeys, openssl } = requireAddon().features();
	if (rawPublicKeys) return;
	throw new DtlsError(
		"DTLS_FEATURE_MISSING",
		`raw public keys (RFC 7250) need OpenSSL 3.2; this Node has ${openssl}. Node 24 has them`,
	);
}
