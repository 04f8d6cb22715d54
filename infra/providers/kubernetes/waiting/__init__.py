"""When an object is ready, one file per kind behind one signature (`state.Condition`), and the wait for it."""
