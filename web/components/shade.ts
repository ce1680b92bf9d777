/** A background: `share` in [0, 1] of a colour over paper. */
export function tint(
  colour: 'magnitude' | 'positive' | 'negative' | 'uncertain',
  share: number,
): { readonly backgroundColor: string } {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  return {
    backgroundColor: `color-mix(in srgb, var(--gb-${colour}) ${percent}%, var(--gb-paper))`,
  };
}

/** Signed effect: purple below zero, green above; `reach` takes the full colour. Write the sign as well. */
export function signedTint(value: number, reach: number): { readonly backgroundColor: string } {
  const share = reach > 0 && Number.isFinite(value) ? Math.abs(value) / reach : 0;
  return tint(value < 0 ? 'negative' : 'positive', share);
}
