/** What the HTTP API answers, as far as the commands look at it; a test holds it against the schemas of the API. */

export interface Page<T> {
	readonly items: readonly T[];
	readonly next?: string;
}

export interface DeviceJson {
	readonly eid: string;
	readonly name: string;
	readonly tags: Readonly<Record<string, string>>;
	readonly labMode?: string;
	readonly acceptUnverified: boolean;
	readonly counter: number;
	readonly hasCertificates: boolean;
	readonly associationToken?: number;
	readonly dialect: {
		readonly version: string;
		readonly versionFrom?: string;
		readonly euiccVersion?: string;
		readonly nestedCertificateArms: boolean;
	};
	readonly association: "associated" | "released";
	readonly releasedAt?: string;
	readonly signingKeyId?: string;
	readonly tlsTrustId?: string;
	readonly cardEims?: readonly { readonly eimId: string }[];
	readonly lastPollAt?: string;
	readonly lastLink?: string;
	readonly lastLinkAt?: string;
	readonly lastRplmn?: string;
	readonly lastNetwork?: { readonly mcc: string; readonly mnc: string };
	readonly inject?: { readonly url: string; readonly binding: string };
	readonly smdsPolling?: {
		readonly every: number;
		readonly address?: string;
		readonly nextAt?: string;
		readonly lastError?: string;
	};
	readonly wakeUp?: { readonly via: string; readonly msisdn?: string; readonly url?: string };
	readonly awake?: { readonly by: string; readonly every: number; readonly for: number };
	readonly nextExpected?: { readonly from: string; readonly isAwake: boolean; readonly by: string };
	readonly createdAt: string;
}

export interface WakeUpJson {
	readonly via: string;
	readonly state: string;
	readonly waiting: number;
	readonly reference?: string;
	readonly error?: string;
	readonly createdAt: string;
}

export interface ProfileJson {
	readonly iccid: string;
	readonly state: "enabled" | "disabled";
	readonly profileClass: string;
	readonly serviceProviderName?: string;
	readonly profileName?: string;
	readonly nickname?: string;
	readonly isFallback?: boolean;
	readonly updatedAt: string;
}

export interface OperationJson {
	readonly id: string;
	readonly eid: string;
	readonly type: string;
	readonly parameters: Readonly<Record<string, unknown>>;
	readonly origin: "operator" | "eim";
	readonly state: string;
	readonly reason?: string;
	readonly code?: string;
	readonly outcome?: Readonly<Record<string, unknown>>;
	readonly createdAt: string;
	readonly updatedAt: string;
	readonly sentAt?: string;
	readonly finishedAt?: string;
	readonly expiresAt: string;
	readonly lastAttempts?: readonly LastAttemptJson[];
}

/** How the eIM last tried to bring an operation to its device, or to wake that. */
export interface LastAttemptJson {
	readonly what: "inject" | "wakeUp";
	readonly via: string;
	readonly state: string;
	readonly at?: string;
	readonly detail?: string;
	readonly attempts?: number;
	readonly nextAt?: string;
}

/** What came of one command of a package, in `outcome.commands`. */
export interface CommandOutcomeJson {
	readonly type: string;
	readonly state: string;
	readonly code?: string;
	readonly text?: string;
}

export interface EimKeysJson {
	readonly current: { readonly signingKeyId: string; readonly tlsTrustId?: string };
	readonly formerSigningKeyIds: readonly string[];
	readonly outdated: number;
	readonly updating: number;
	readonly counts: readonly {
		readonly signingKeyId?: string;
		readonly tlsTrustId?: string;
		readonly devices: number;
		readonly updating: number;
		readonly isCurrent: boolean;
		readonly isConfigured: boolean;
	}[];
}

export interface AcceptedJson {
	readonly id: string;
	readonly state: string;
	readonly warnings?: readonly string[];
}

export interface NotificationJson {
	readonly id: string;
	readonly seqNumber: number;
	readonly event: string;
	readonly iccid?: string;
	readonly address: string;
	readonly receivedAt: string;
	readonly delivery: {
		readonly state: string;
		readonly attempts: number;
		readonly nextAttemptAt?: string;
		readonly lastError?: string;
	};
}

export interface EventJson {
	readonly id: number;
	readonly at: string;
	readonly type: string;
	readonly eid?: string;
	readonly operationId?: string;
	readonly facts: Readonly<Record<string, unknown>>;
}

export interface SeenUnknownJson {
	readonly eid: string;
	readonly firstSeenAt: string;
	readonly lastSeenAt: string;
	readonly times: number;
}

export interface AuditJson {
	readonly id: number;
	readonly at: string;
	readonly actor: string;
	readonly action: string;
	readonly subject: string;
	readonly facts: Readonly<Record<string, unknown>>;
}

export interface ApiKeyJson {
	readonly id: string;
	readonly name: string;
	readonly readOnly: boolean;
	readonly createdAt: string;
	readonly lastUsedAt?: string;
	readonly revokedAt?: string;
}

export interface ProblemJson {
	readonly status: number;
	readonly code: string;
	readonly detail: string;
	readonly action?: string;
}
