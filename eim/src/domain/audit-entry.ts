/** Who changed what, kept for ever. */
export interface AuditEntry {
	readonly id: number;
	readonly at: number;
	/** Name of the API key, `eim` for what the eIM did by itself, `cli` for offline commands. */
	readonly actor: string;
	/** Past tense, for example `device.labModeSet`. */
	readonly action: string;
	/** What it was done to: an EID, an operation id, an API key id. */
	readonly subject: string;
	readonly facts: Readonly<Record<string, string | number | boolean>>;
}

export type NewAuditEntry = Omit<AuditEntry, "id">;
