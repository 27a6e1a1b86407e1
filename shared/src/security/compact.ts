/**
 * Compact messages (minimizeEsipaBytes, SGP.32 v1.2 section 6 and module SGP32Definitions): the IPA leaves out of what
 * the eUICC has signed whatever the eIM knows, and the eIM puts it in again, octet by octet, since the signature of the
 * eUICC runs over the full form and the SM-DP+ verifies it.
 *
 * Each message has a pair of pure functions over whole TLVs, with one interface for what the eIM knows:
 *
 * | message | IPA: full → compact | eIM: compact → full | knowledge |
 * | --- | --- | --- | --- |
 * | BF38 | compactAuthenticateServerResponse | rebuildAuthenticateServerResponse | AuthenticationKnowledge |
 * | BF21 | compactPrepareDownloadResponse | rebuildPrepareDownloadResponse | PreparationKnowledge |
 * | BF41 | compactCancelSessionResponse | rebuildCancelSessionResponse | CancellationKnowledge |
 * | BF37 | compactProfileInstallationResult | rebuildProfileInstallationResult | InstallationKnowledge |
 * | 30{BF2F..} | compactOtherNotification | rebuildOtherNotification | NotificationKnowledge |
 *
 * `compactX(full, known)` gives the compact form, or undefined when there is none that comes back as the same octets
 * (it runs the rebuild), or none that is shorter: then the full form is sent.
 *
 * `rebuildX(compact, known)` gives the full form, with the eUICC's signature verified by the key of its certificate.
 * The chain of that certificate and its EID are the caller's to check, as for a full form. It throws SecurityError:
 * - SECURITY_COMPACT_STRUCTURE: not a compact form of this message, or one with fields that this version does not know;
 * - SECURITY_COMPACT_UNKNOWN: something was left out that the eIM does not know; `context.missing` names it;
 * - SECURITY_SIGNATURE_INVALID: the rebuilt octets are not what the eUICC has signed.
 * All three mean the same to the IPA: the message has to come again in full. The eIM says so with the error code of the
 * function for a wrong signature (BF3B 5, BF3A 1, BF41 2; HTTP 4xx for HandleNotification) and keeps its session, so
 * that the full form can follow.
 *
 * Input and output have the message's own tag (BF38, BF21, BF41; A0 or A1 for notifications): `der` of the kept member
 * `authenticateServerResponse`, `prepareDownloadResponse`, `cancelSessionResponse`, `pendingNotification`.
 */

export {
	type AuthenticationKnowledge,
	compactAuthenticateServerResponse,
	rebuildAuthenticateServerResponse,
} from "./compact-authentication.ts";
export {
	type CancellationKnowledge,
	compactCancelSessionResponse,
	rebuildCancelSessionResponse,
} from "./compact-cancel-session.ts";
export {
	compactProfileInstallationResult,
	type InstallationKnowledge,
	rebuildProfileInstallationResult,
} from "./compact-installation-result.ts";
export {
	compactOtherNotification,
	eidOfCompactNotification,
	type NotificationKnowledge,
	rebuildOtherNotification,
} from "./compact-notification.ts";
export {
	compactPrepareDownloadResponse,
	type PreparationKnowledge,
	rebuildPrepareDownloadResponse,
} from "./compact-preparation.ts";
