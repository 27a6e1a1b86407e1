/** Causes by which a network refuses a device, with the names of 3GPP TS 24.008 §10.5.5.14 (GMM cause). */
export const REJECT_CAUSES = {
	2: "IMSI unknown in HLR",
	3: "Illegal MS",
	11: "PLMN not allowed",
	15: "No Suitable Cells In Location Area",
	17: "Network failure",
	20: "MAC failure",
	21: "Synch failure",
} as const;

export type RejectCauseCode = keyof typeof REJECT_CAUSES;

export interface RejectCause {
	readonly code: RejectCauseCode;
	readonly name: (typeof REJECT_CAUSES)[RejectCauseCode];
}

export function rejectCause(code: RejectCauseCode): RejectCause {
	return { code, name: REJECT_CAUSES[code] };
}

/** After these the device regards the USIM as invalid until it is switched off or the card is reset (TS 24.008 §4.7.3.1.4). */
export function isFinal(cause: RejectCause): boolean {
	return cause.code === 2 || cause.code === 3;
}
