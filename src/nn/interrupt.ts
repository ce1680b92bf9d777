/**
 * An AbortSignal that Ctrl-C (SIGINT) or SIGTERM aborts, for {@link train}. After the first signal the
 * default handling returns, so a second Ctrl-C ends the process at once. Call `dispose` when the
 * work is done.
 */
export function interruptSignal(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM'] as const;
  const dispose = () => {
    for (const name of names) process.off(name, onSignal);
  };
  function onSignal(): void {
    dispose();
    controller.abort();
  }
  for (const name of names) process.on(name, onSignal);
  return { signal: controller.signal, dispose };
}
