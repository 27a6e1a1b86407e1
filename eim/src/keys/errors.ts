import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const keyErrors = defineErrors({
	KEYS_FILE_UNREADABLE: {
		meaning: "The file with the signing key or certificate of this eIM cannot be read.",
		action: "Check the path in the configuration and that the eIM's user may read the file.",
	},
	KEYS_INVALID: {
		meaning: "The signing key is no private key on P-256 or brainpoolP256r1, or the certificate no X.509 certificate.",
		action: "Give an unencrypted PKCS#8 key in PEM and the certificate in PEM or DER.",
	},
	KEYS_MISMATCH: {
		meaning: "The signing certificate belongs to another key than the one configured.",
		action: "Configure key and certificate of one pair; cards verify packages by that certificate.",
	},
});

/** A signing key of the eIM that cannot be used. */
export class KeyError extends EsimError {
	declare readonly code: keyof typeof keyErrors;
}
