/** What an agent tells the world: facts in the past tense. Octets are hex; EIDs and eimIds as they are printed. */
export type IpaEvent =
	| { readonly type: "started"; readonly eid: string; readonly eimIds: readonly string[] }
	/** Of several links to an eIM: the one in use, none where none works; and why others are not. */
	| {
			readonly type: "link-changed";
			readonly eimId: string;
			readonly link: string | undefined;
			readonly others: readonly LinkInTrouble[];
	  }
	| { readonly type: "polled"; readonly eimId: string; readonly outcome: PollOutcome }
	| { readonly type: "poll-failed"; readonly eimId: string; readonly code: string; readonly reason: string }
	| { readonly type: "package-loading"; readonly eimId: string; readonly counterValue: number }
	| {
			readonly type: "package-executed";
			readonly eimId: string;
			readonly counterValue: number;
			readonly outcome: PackageOutcome;
			/** Names of EuiccResultData members with their codes, as "enableResult 0". */
			readonly results: readonly string[];
	  }
	| { readonly type: "result-delivered"; readonly eimId: string; readonly acknowledged: readonly number[] }
	| {
			readonly type: "result-waiting";
			readonly eimId: string;
			readonly reason: string;
			readonly deliverBefore?: number;
	  }
	| { readonly type: "result-refused"; readonly eimId: string; readonly code: number }
	| { readonly type: "refresh-started" }
	| { readonly type: "refresh-finished"; readonly ms: number }
	| { readonly type: "rollback-started"; readonly eimId: string }
	| { readonly type: "rollback-finished"; readonly eimId: string; readonly cmdResult: number }
	| { readonly type: "fallback-started"; readonly action: "falling-back" | "returning" }
	/** `result` is the card's code, 0 for done; -1 when a power cut came before the card did anything. */
	| { readonly type: "fallback-finished"; readonly action: "falling-back" | "returning"; readonly result: number }
	| { readonly type: "euicc-data-sent"; readonly eimId: string; readonly tags: readonly string[] }
	| { readonly type: "download-step"; readonly eimId: string; readonly step: string }
	| {
			readonly type: "profile-installed";
			readonly eimId: string;
			readonly iccid: string | undefined;
			readonly enabled: boolean;
	  }
	| { readonly type: "download-failed"; readonly eimId: string; readonly reason: string }
	| { readonly type: "download-postponed"; readonly eimId: string; readonly reason: string }
	/** `eimId` is the address of the SM-DP+ when the device has delivered the notification itself. */
	| { readonly type: "notification-delivered"; readonly eimId: string; readonly seqNumber: number | undefined }
	| { readonly type: "card-lost"; readonly reason: string }
	| { readonly type: "sleeping"; readonly ms: number }
	| { readonly type: "stopped" };

export type PollOutcome = "none" | "euicc-package" | "ipa-euicc-data" | "download-trigger" | "unreadable" | "refused";
export type PackageOutcome = "signed-result" | "signed-error" | "unsigned-error" | "unreadable";
export type IpaEventType = IpaEvent["type"];

/** A link that is not used for what went wrong over it. */
export interface LinkInTrouble {
	readonly link: string;
	readonly reason: string;
	/** Milliseconds since 1970; absent where it cannot work on this device. */
	readonly retryAt?: number;
}
