import type { Curve } from "@iot-esim/shared/crypto/curve";

/** The key that signs eUICC packages. Implementations say where the key lives: a file, an HSM. */
export interface EimSigner {
	readonly curve: Curve;
	/** SubjectPublicKeyInfo, DER; goes into the eIM configuration data of a card. */
	readonly publicKey: Uint8Array;
	/** CERT.EIM.ECDSA, DER, when there is one. */
	readonly certificate?: Uint8Array;
	/**
	 * ECDSA with SHA-256, 64 octets r‖s. At once where the key is in memory; a promise where it is not.
	 */
	sign(octets: Uint8Array): Uint8Array | Promise<Uint8Array>;
}
