import type { NotificationEvent } from "./notification.ts";

/** What an IPA is asked for of itself and its eUICC (SGP.32 IpaEuiccDataRequest). */
export interface EuiccDataParameters {
	/** Tags of IpaEuiccData in hex; absent means the eIM's own safe list. */
	readonly tags?: readonly string[];
	/** Certificates under this CI: SubjectKeyIdentifier in hex. */
	readonly ciPublicKeyId?: string;
	/** Only these of the notifications on the card. */
	readonly notifications?: { readonly seqNumber: number } | { readonly event: NotificationEvent };
	/** Only this one of the package results on the card. */
	readonly packageResults?: { readonly seqNumber: number };
}
