import { useEffect, useState } from 'react';

// Lives as long as the browser's tab, and no longer.
const KEY = 'tollgate:token';

/** The access token of this tab, kept in sessionStorage. */
export function useToken() {
  const [token, setToken] = useState(() => sessionStorage.getItem(KEY) ?? '');
  useEffect(() => {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  }, [token]);
  return [token, setToken];
}

/** Where a token is chosen from those that the server offers in development, or pasted. */
export function TokenBar({ offered, token, onChange }) {
  const chosen = offered.findIndex((item) => item.token === token);
  return (
    <form className="token-bar" autoComplete="off" onSubmit={(event) => event.preventDefault()}>
      <strong>Tollgate</strong>
      {offered.length > 0 && (
        <label>
          Sign in as
          <select
            name="offered-token"
            value={chosen}
            onChange={(event) => onChange(offered[event.target.value]?.token ?? '')}
          >
            <option value={-1}>{token ? 'the token at the right' : 'nobody'}</option>
            {offered.map((item, index) => (
              <option key={item.label} value={index}>
                {item.label}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        Token
        <input
          name="token"
          type="password"
          placeholder="paste an access token (a JWT)"
          autoComplete="off"
          spellCheck={false}
          value={token}
          onChange={(event) => onChange(event.target.value.trim())}
        />
      </label>
      <button type="button" disabled={!token} onClick={() => onChange('')}>
        Forget
      </button>
    </form>
  );
}
