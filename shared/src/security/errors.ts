import { defineErrors, EsimError } from "../util/errors.ts";

export const securityErrors = defineErrors({
	SECURITY_BSP_STRUCTURE: {
		meaning: "A protected block of a Bound Profile Package is no TLV of the expected tag, or too short or too long.",
		action: "Check how the package was cut into segments, and that none was lost or sent twice.",
		httpStatus: 400,
	},
	SECURITY_BSP_MAC: {
		meaning: "The MAC of a protected block of a Bound Profile Package is not the one that the session keys give.",
		action: "Check the key agreement (EID, host identifier, one-time keys) and the order of the segments.",
		httpStatus: 400,
	},
	SECURITY_BSP_PADDING: {
		meaning: "A decrypted block of a Bound Profile Package does not end in 80 00...",
		action: "Check the encryption key and the block counter of the sender.",
		httpStatus: 400,
	},
	SECURITY_BPP_STRUCTURE: {
		meaning: "A Bound Profile Package does not have the parts of SGP.22 section 2.5.4 in their order.",
		action: "Send the package as the SM-DP+ made it; the message names the part.",
		httpStatus: 400,
	},
	SECURITY_SIGNATURE_INVALID: {
		meaning: "A signature is not one of the received octets by the key of the signer.",
		action: "Check the certificate of the signer, the association token, and that nothing re-encoded the message.",
		httpStatus: 400,
	},
	SECURITY_COMPACT_STRUCTURE: {
		meaning: "A message is no compact form that this version can rebuild.",
		action: "Send the message in its full form.",
		httpStatus: 400,
	},
	SECURITY_COMPACT_UNKNOWN: {
		meaning: "A compact message leaves out something that is not known here.",
		action: "Send the message in its full form; the message names what is missing.",
		httpStatus: 400,
	},
	SECURITY_RESULT_UNSIGNED: {
		meaning: "An eUICC answered with an error that it does not sign, since it does not know the eIM.",
		action: "Check that the eUICC is associated with this eIM, and with this signing key.",
		httpStatus: 409,
	},
});

/** A failure of the protection of messages: signatures, secure channel. */
export class SecurityError extends EsimError {
	declare readonly code: keyof typeof securityErrors;

	constructor(
		code: keyof typeof securityErrors,
		message: string,
		options: { cause?: unknown; context?: EsimError["context"] } = {},
	) {
		super(code, message, options);
	}
}
