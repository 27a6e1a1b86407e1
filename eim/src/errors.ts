import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const eimErrors = defineErrors({
	EIM_FILE_UNREADABLE: {
		meaning: "A file or folder that the configuration names cannot be read or written.",
		action: "Check the path and that the eIM's user may read it (and write, for dataFolder).",
	},
	EIM_FILES_UNPAIRED: {
		meaning:
			"Of settings that need each other (a key and its certificate, a former server and its port) some are missing.",
		action: "Give all that the message names, or none of them.",
	},
	EIM_KEYS_INVALID: {
		meaning: "A line of a file of devices' keys (coap.pskFile, coap.rawKeyFile) is not an identity, a colon and a key.",
		action:
			"Write each line as EID:key (or urn:eid:EID:key): a pre-shared key of 4 to 256 octets in hex, a raw public key (SubjectPublicKeyInfo) in base64.",
	},
	EIM_PORT_UNUSABLE: {
		meaning: "The eIM cannot listen on a configured address.",
		action: "Choose another port or host in the setting that the message names, or stop the program that has it.",
	},
	EIM_TRUST_EMPTY: {
		meaning: "No CI certificate is configured, so no SM-DP+ and no eUICC can be trusted.",
		action: "Put the CI certificates into trust.folder and restart the eIM.",
		httpStatus: 503,
	},
});

/** The eIM cannot be put together as configured. */
export class EimError extends EsimError {
	declare readonly code: keyof typeof eimErrors;
}
