// The built-in validators, by the module `guest/validators`.

/** The verdict of one of its functions, and the gas. */
function verdict(executor, name, request, rules) {
  const { outcome, trap, value, gas } = executor.execute({ function: name, request, rules });
  if (outcome === 'ok' || outcome === 'reject') return { ...value, gas };
  throw new Error(`the validator ended with ${outcome}${trap ? `: ${trap}` : ''}`);
}

/** Whether a transaction is valid under rules, and what that costs. */
export function validateTransaction(executor, request, rules) {
  return verdict(executor, 'transaction', request, rules);
}

/** The same of an asset transfer. */
export function validateAssetTransfer(executor, request, rules) {
  return verdict(executor, 'asset_transfer', request, rules);
}

/** The same of a POST action. */
export function validatePostAction(executor, request, rules) {
  return verdict(executor, 'post_action', request, rules);
}
